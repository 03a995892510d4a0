"""Ask a language model by the API that most servers have: the one of OpenAI.

With the variables OPENAI_BASE_URL and OPENAI_MODEL, an agent thinks with that model:
hosted, or your own with Ollama, llama.cpp or vLLM. OPENAI_API_KEY is sent if it is set.
Without them it follows a script, which is enough to see who says what.
"""

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable

Think = Callable[[str], str]
"""Take a prompt and return what the model says."""

TRIES = 4
ANSWER_SECONDS = 600


class ModelFailed(Exception):
    """The model gave no answer."""


def open_model(role: str, script: Think) -> Think:
    """Return the model of the environment, told what its role is, or the script."""
    base = os.environ.get("OPENAI_BASE_URL", "").rstrip("/")
    name = os.environ.get("OPENAI_MODEL", "")
    if not base and not name:
        return script
    if not base or not name:
        raise SystemExit("Set both OPENAI_BASE_URL and OPENAI_MODEL, or neither.")
    return lambda prompt: complete(base, name, role, prompt)


def complete(base: str, name: str, role: str, prompt: str) -> str:
    """Return what a model answers to a prompt.

    Raises:
        ModelFailed: It refused, or gave no answer in `TRIES` tries.
    """
    talk = [{"role": "system", "content": role}, {"role": "user", "content": prompt}]
    request = urllib.request.Request(
        f"{base}/chat/completions",
        json.dumps({"model": name, "messages": talk}).encode(),
        {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', 'none')}",
        },
    )
    trouble = ""
    for attempt in range(TRIES):
        time.sleep(attempt)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:
                answer = json.load(response)["choices"][0]["message"]["content"]
                return str(answer).strip()
        except urllib.error.HTTPError as error:
            trouble = f"{error.code} {error.reason}"
            if error.code < 500 and error.code != 429:
                break
        except (OSError, ValueError, LookupError) as error:
            trouble = repr(error)
    raise ModelFailed(f"{name} at {base}: {trouble}")


def pick(answer: str, choices: tuple[str, ...]) -> str:
    """Return the choice that an answer begins with, else the last one: the careful."""
    start = answer.lower().lstrip(" *#`\"'")
    named = [each for each in choices if start.startswith(each.lower())]
    return max(named, key=len, default=choices[-1])


def code_of(answer: str) -> str:
    """Return the code in an answer, without the fence that models put around it."""
    fenced = re.search(r"```\w*\n(.*?)```", answer, re.DOTALL)
    return fenced[1] if fenced else answer
