"""Write docs/denials.md and its pictures: refused logins as a person at the command line sees them, from a real run.

`python docs/denials.py` writes the page and docs/screens/*.svg, `--check` fails when the commands say something else
today. Times are replaced by others, so that the same words make the same files. Everything runs on this machine: the
local AWS plays GitLab's and GitHub's issuers.
"""

from __future__ import annotations

import base64
import fcntl
import http.client
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import screens

from daypass.testing import github_token, gitlab_token, local_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daypass.testing.local_aws import LocalAws

PAGE: Final = Path(__file__).parent / "denials.md"
PICTURES: Final = Path(__file__).parent / "screens"
ROLE: Final = "arn:aws:iam::000000000000:role/deploy"
HEAD: Final = """<!-- Written by docs/denials.py from a real run. -->
# Denied, and why

AWS answers a refused login with one sentence, the same for most causes. `daypass idp login aws` adds what it can find
out:

1. Where the token was found, and the claims that AWS looks at first: `iss`, `aud`, `azp`, `sub`. Never the token.
2. Why. The local AWS explains its own refusals. Otherwise the role's trust policy does, where it can be read: a file
   that `--policy` names, or IAM, asked with whatever AWS credentials AWS's own tools would find here
   (`iam:GetRole`, and `iam:GetOpenIDConnectProvider` for the audiences). Then the failing statement, operator and key
   are told, what was wanted and found, and the smallest edit that lets exactly this token in.
3. Where nobody can read the role, what to look at, likeliest first for this issuer.
4. After `next:` what to do now, with commands that fit this token and role, each on a line of its own. What a token
   says is quoted in them, so that it cannot add to a command that is copied.

`--explain` tells it of a login that succeeds, too. `--json` puts it on standard output for programs. The exit status is
1 for a refusal, 2 for a wrong command line or a job that is not set up for tokens, 3 where nothing could be found out.

What is refused for a moment only is tried again without a word: when AWS cannot reach the issuer, throttles, or does
not answer. Each try has a fresh token, and none is made with a token whose time is over. A role or provider that
was made a moment ago is waited for with `--wait` (30 seconds, or `--wait SECONDS`); everything else is final.

The pictures are of a terminal 100 columns wide; times are replaced. Colours are left out where nobody sees them, and
with `NO_COLOR`.

"""


class Case(NamedTuple):
    """A bad request: its title, a word about it, the token, and what is typed."""

    title: str
    about: str
    token: Callable[[LocalAws], str]
    options: tuple[str, ...] = ()
    environ: tuple[tuple[str, str], ...] = ()
    role: str = ROLE


JOB: Final = gitlab_token(project="mygroup/app", ref="main")


def _good(aws: LocalAws) -> str:
    return aws.mint(JOB)


def _tampered(aws: LocalAws) -> str:
    head, body, signature = aws.mint(JOB).split(".")
    return f"{head}.{body}.{'A' * len(signature)}"


def _unsigned(aws: LocalAws) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{head}.{aws.mint(JOB).split('.')[1]}."


TWELVE: Final = (
    Case("Not a JWT", "A variable that holds something else.", lambda _: "ghp_not-a-json-web-token"),
    Case("Bad signature", "Changed on its way, or signed with a key that the issuer no longer has.", _tampered),
    Case("Algorithm none", "A token that nobody signed.", _unsigned),
    Case(
        "Expired",
        "A job that ran longer than its token.",
        lambda aws: aws.mint(JOB, exp=_ago(aws, 900), iat=_ago(aws, 4500)),
    ),
    Case(
        "Wrong audience",
        "The token is for somebody else than the IAM provider is for.",
        lambda aws: aws.mint(JOB, aud="https://vault.example.com"),
    ),
    Case(
        "Subject outside the policy",
        "Another branch than the trust policy names.",
        lambda aws: aws.mint(gitlab_token(project="mygroup/app", ref="feature/x")),
    ),
    Case(
        "Issuer without a provider",
        "The account knows no such issuer.",
        lambda aws: aws.mint(github_token(repository="acme/shop")),
    ),
    Case("Absent role", "A role that is not there. AWS does not say so.", _good, role=ROLE + "ment"),
    Case("Duration over the role's maximum", "The role allows an hour.", _good, ("--duration-seconds", "7200")),
    Case("Duration under 900", "Found before anybody is asked.", _good, ("--duration-seconds", "60")),
    Case("Bad session name", "Found before anybody is asked.", _good, ("--role-session-name", "release 1")),
    Case(
        "Tags without sts:TagSession",
        "The token carries session tags, and the trust policy lets nobody tag.",
        lambda aws: aws.mint(JOB, **{"https://aws.amazon.com/tags": {"principal_tags": {"team": ["a"]}}}),
    ),
)


def _ago(aws: LocalAws, seconds: int) -> int:
    return int(aws.now.timestamp()) - seconds


def _policy() -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": "arn:aws:iam::000000000000:oidc-provider/gitlab.com"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        "gitlab.com:aud": "sts.amazonaws.com",
                        "gitlab.com:sub": JOB["sub"],
                    }
                },
            }
        ],
    }


@contextmanager
def _silent(url: str) -> Iterator[str]:
    """The same STS without its explanations, as AWS is."""
    host = url.removeprefix("http://")

    class Relay(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            connection = http.client.HTTPConnection(host)
            connection.request("POST", "/", body, {"Content-Type": self.headers["Content-Type"]})
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Relay) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Terminal:
    """Runs commands in a job of GitLab, and writes down what a person sees."""

    def __init__(self, home: Path, aws: LocalAws) -> None:
        self._home = home
        self._aws = aws

    def run(self, case: Case, *more: str, **environ: str) -> str:
        typed = ["daypass", "idp", "login", "aws", "--role-arn", case.role, *case.options, *more]
        environment = {
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_STS": self._aws.endpoint_url,
            "GITLAB_CI": "true",
            "CI_SERVER_URL": "https://gitlab.com",
            "AWS_ID_TOKEN": case.token(self._aws),
            **environ,
        }
        # A text that is no token is not found by itself, so it is named.
        shown = [*typed, "--token-source", "gitlab:AWS_ID_TOKEN"] if "." not in environment["AWS_ID_TOKEN"] else typed
        if case.title.startswith("Issuer"):  # another platform's token is not found in a GitLab job either
            shown = [*typed, "--token-source", "gitlab:AWS_ID_TOKEN"]
        said, status = _in_terminal([sys.executable, "-m", *shown], environment, self._home)
        assert environment["AWS_ID_TOKEN"] not in said, "a token was printed"
        said = _fixed_times(said.replace(str(self._home), "/home/me"))
        typed_line = f"{_DIM}$ {_PLAIN}{_BOLD}{shlex.join(shown)}{_PLAIN}"
        return f"{typed_line}\n{said}{_DIM}$ {_PLAIN}{_BOLD}echo $?{_PLAIN}\n{status}\n"


_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def _in_terminal(command: list[str], environment: dict[str, str], folder: Path) -> tuple[str, int]:
    """What a command writes to a terminal, and its exit status."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, screens.COLUMNS, 0, 0))
    with subprocess.Popen(command, env=environment, cwd=folder, stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        written = bytearray()
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # EIO: nobody has it open any more
                break
            if not piece:
                break
            written += piece
    os.close(ours)
    return written.decode().replace("\r\n", "\n"), process.returncode


def _fixed_times(text: str) -> str:
    """The same text of another time: always the same one."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2027-01-15T08:00:00Z", text)
    text = re.sub(r"\d+ seconds ago", "900 seconds ago", text)
    moments = iter(range(1_800_000_900, 1_700_000_000, -600))
    return re.sub(r"\b\d{10}\b", lambda _: str(next(moments)), text)


class _Page:
    """The text of the page, and its pictures by file name."""

    def __init__(self) -> None:
        self.parts = [HEAD]
        self.pictures: dict[str, str] = {}

    def tell(self, text: str) -> None:
        self.parts.append(text)

    def show(self, name: str, title: str, written: str) -> None:
        self.pictures[f"{name}.svg"] = screens.draw(written, title=title)
        self.parts.append(f"![{title}](screens/{name}.svg)\n")
        text = screens.plain(written)
        self.parts.append(f"<details><summary>as text</summary>\n\n```\n{text}```\n\n</details>\n")

    def text(self) -> str:
        return "\n".join(self.parts)


def page() -> _Page:
    """The whole page."""
    written = _Page()
    with (
        tempfile.TemporaryDirectory() as name,
        local_aws(as_issuers=("gitlab.com", "token.actions.githubusercontent.com")) as aws,
    ):
        home = Path(name)
        aws.provider("gitlab.com")
        aws.role("deploy", trust_policy=_policy())
        (home / "trust-policy.json").write_text(json.dumps(_policy(), indent=2) + "\n")
        terminal = _Terminal(home, aws)
        written.tell("## The twelve\n")
        for number, case in enumerate(TWELVE, start=1):
            written.tell(f"### {number}. {case.title}\n\n{case.about}\n")
            slug = re.sub(r"[^a-z0-9]+", "-", case.title.lower())
            written.show(f"denied-{number:02}-{slug}", case.title, terminal.run(case))
        outside = TWELVE[5]
        with _silent(aws.endpoint_url) as url:
            written.tell("## The sixth, on AWS itself\n\nAWS does not explain. Where nobody can read the role:\n")
            alone = terminal.run(outside, AWS_ENDPOINT_URL_STS=url)
            written.show("denied-by-aws", "Refused by AWS, and nobody can read the role", alone)
            written.tell("With the trust policy in a file:\n")
            with_file = terminal.run(outside, "--policy", "trust-policy.json", AWS_ENDPOINT_URL_STS=url)
            written.show("denied-with-policy", "Refused by AWS, with the trust policy in a file", with_file)
            written.tell("With credentials in the environment that may call `iam:GetRole`:\n")
            with_iam = terminal.run(
                outside,
                AWS_ENDPOINT_URL_STS=url,
                AWS_ENDPOINT_URL_IAM=aws.endpoint_url,
                AWS_ACCESS_KEY_ID="test",
                AWS_SECRET_ACCESS_KEY="test",
            )
            written.show("denied-with-iam", "Refused by AWS, and the role can be read", with_iam)
            written.tell("## Longer than the role allows\n")
            clamped = terminal.run(TWELVE[8], "--clamp-duration", AWS_ENDPOINT_URL_STS=url)
            written.show("clamped", "As long as the role allows", clamped)
            written.tell("## A login that succeeds, explained\n")
            explained = terminal.run(
                Case("", "", _good), "--explain", "--policy", "trust-policy.json", AWS_ENDPOINT_URL_STS=url
            )
            written.show("explained", "A login that succeeds, explained", explained)
    return written


def main() -> int:
    """Write the page and its pictures, or compare them."""
    made = page()
    wanted = {PAGE: made.text(), **{PICTURES / name: text for name, text in made.pictures.items()}}
    stray = [path for path in PICTURES.glob("denied-*.svg") if path not in wanted]
    if "--check" in sys.argv[1:]:
        differ = [path.name for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
        differ += [path.name for path in stray]
        if differ:
            sys.stderr.write(f"not what the commands say: {', '.join(differ)}; run: python docs/denials.py\n")
        return 1 if differ else 0
    PICTURES.mkdir(exist_ok=True)
    for path in stray:
        path.unlink()
    for path, text in wanted.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
