"""Configurations of the balancers."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

READY: Final = "/ready?storage=any"
"""Health check of a node: whether it takes requests, wherever the store is."""


def caddy_config(port: int, nodes: Sequence[int], _folder: Path) -> str:
    """Return a Caddyfile for nodes on ports of this machine.

    Caddy repeats requests without a body at another node, and answers others with 502
    while the first is gone and not known to be; clients repeat those. It could repeat
    them from a buffer, but 2.6.2 then sends them the body of another client's request:
    it gives a buffer away when a node cannot be reached, and goes on reading it. Nor
    does it count failures, since a request whose body is gone fails at each node.
    """
    addresses = " ".join(f"127.0.0.1:{each}" for each in nodes)
    return f"""{{
	admin off
	auto_https off
	grace_period 2s
}}
http://127.0.0.1:{port}, http://localhost:{port} {{
	bind 127.0.0.1
	reverse_proxy {addresses} {{
		lb_policy least_conn
		lb_try_duration 5s
		lb_try_interval 100ms
		health_uri {READY}
		health_interval 1s
		flush_interval -1
	}}
}}
"""


def nginx_config(port: int, nodes: Sequence[int], folder: Path) -> str:
    """Return a configuration of nginx for nodes on ports of this machine.

    nginx never takes a node for failed, but tries another one at once. After a failure
    it would send a node one request, and the others only once that is answered: polls
    take up to 25 seconds, and meanwhile it would answer everybody with 502.
    """
    servers = "".join(
        f"        server 127.0.0.1:{each} max_fails=0;\n" for each in nodes
    )
    temporary = "".join(
        f'    {name}_temp_path "{folder}/{name}";\n'
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""daemon off;
master_process off;
pid "{folder}/nginx.pid";
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    access_log off;
{temporary}    upstream nodes {{
        least_conn;
{servers}    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://nodes;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_connect_timeout 2s;
            proxy_next_upstream error timeout http_503;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_read_timeout 75s;
            client_max_body_size 0;
        }}
    }}
}}
"""


Configure = Callable[[int, Sequence[int], Path], str]

CONFIGS: Final[Mapping[str, Configure]] = {"nginx": nginx_config, "caddy": caddy_config}
"""The configuration of each balancer, by the file name of its program."""


def balancer_arguments(program: str, folder: Path, file: Path) -> list[str]:
    """Return the command that runs a balancer in the foreground."""
    if Path(program).name == "nginx":
        return [program, "-e", "stderr", "-p", str(folder), "-c", str(file)]
    return [program, "run", "--adapter", "caddyfile", "--config", str(file)]
