"""What ci/api tells the fuzzing client: how to make requests that lead somewhere, and which faults are not the program's.

The client loads this file by itself. What it has to know of this run is in the environment, as JSON.
"""

import json
import os
import re
import zlib
from pathlib import Path

import schemathesis

KNOWN = json.loads(os.environ["API_KNOWN"])

# Few, so that triggers that run are met again: to be stopped, and to be in the way of others.
TRIGGERS = ("fuzz-1", "fuzz-2", "fuzz-3")

# The files of the program that have every sentence about failures of the FTP server.
SENTENCES = Path(__file__).resolve().parent.parent / "crates" / "icon-ftp" / "src"


@schemathesis.hook
def before_call(_context, case, _kwargs) -> None:
    """Puts what is there into the place of what was made up, in about half of all requests, and always in the same ones."""
    chance = zlib.crc32(repr((case.path_parameters, case.body)).encode("utf-8", "surrogatepass"))
    body = case.body.get("body") if isinstance(case.body, dict) else None
    if chance % 2:
        pick = chance // 2
        if isinstance(case.path_parameters, dict) and "trigger_id" in case.path_parameters:
            lead(case.path_parameters, pick, trigger_id=TRIGGERS)
        if isinstance(body, dict):
            lead_message(body, pick)
    dispatcher = body.get("dispatcher") if isinstance(body, dict) else None
    # Events must not leave this machine: a text with a colon may be an address.
    if isinstance(dispatcher, dict) and ":" in str(dispatcher.get("url")):
        dispatcher["url"] = KNOWN["dispatcher"]


def lead_message(body: dict, pick: int) -> None:
    lead(body, pick, connection=KNOWN["connections"])
    if "trigger" in body:
        # What a trigger needs to run is optional in its message, and so is seldom there in a message at random.
        lead(body.setdefault("meta", {}), pick, triggerId=TRIGGERS)
        lead(body.setdefault("dispatcher", {}), pick, url=[KNOWN["dispatcher"]])
        lead(body.get("input"), pick, path=[".", "folder"], interval=[1])
    else:
        lead(body.get("input"), pick, path=KNOWN["files"], remote_path=KNOWN["files"])


def lead(values, pick: int, **known) -> None:
    """Sets values to some of those that are known, if this is an object as it should be."""
    if isinstance(values, dict):
        values.update({name: choices[pick % len(choices)] for name, choices in known.items()})


@schemathesis.hook
def filter_failure(_context, failure, _case, response) -> bool:
    """Whether a failure is the program's: an event that says that the FTP server failed is a right answer."""
    return failure.code != "ST101" or response.status_code != 500 or not is_the_servers(response)


def is_the_servers(response) -> bool:
    try:
        cause = response.json()["body"]["exception"]["cause"]
    except (ValueError, KeyError, TypeError):
        return False
    return isinstance(cause, str) and cause.startswith(BEGINNINGS)


def beginnings() -> tuple[str, ...]:
    """How the sentences begin that the program has for failures of the server, up to the first thing that varies."""
    forms = {
        "failure.rs": r'Failure::service\(\s*(?:format!\(\s*)?"([^"{]+)',
        # There they are made where their faults are told apart.
        "failure/tls.rs": r'=>\s*(?:\{\s*)?format!\(\s*"([^"{]+)',
    }
    told = [
        found
        for name, form in forms.items()
        for found in re.findall(form, (SENTENCES / name).read_text(encoding="utf-8"))
    ]
    for expected in ("The login was refused: ", "The server does not offer TLS as asked: "):
        if expected not in told:
            raise LookupError(f"{SENTENCES} has no sentences in the form that is looked for: {told}")
    return tuple(told)


BEGINNINGS = beginnings()
