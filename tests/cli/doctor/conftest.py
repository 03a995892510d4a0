from support.postgres_fixtures import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]
