"""`daypass idp agent`: the container credentials endpoint on loopback, for a command, a shell or a whole job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, Self

from daypass.cli import output
from daypass.errors import UsageInvalid

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from daypass.aws.holding.container_endpoint import ContainerEndpoint
    from daypass.aws.holding.wanted import Wanted

_PASSED_ON: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
# A terminal sends these to the whole group, so the command has them already.
_OF_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)


def serve(arguments: argparse.Namespace) -> int:
    """Serve until the parent, or the command, ends."""
    from daypass.aws.holding.parent import parse_process, starting_process, when_ended

    wishes = _wishes(arguments)
    if not arguments.port.isdigit() or int(arguments.port) > 65535:
        raise UsageInvalid(f"`{arguments.port}` is not a port")
    if arguments.command:
        if arguments.background or arguments.parent:
            raise UsageInvalid("a command is served until it ends, so --background and --parent do not go with it")
        return serve_command(wishes, arguments.command, port=int(arguments.port))
    parent = parse_process(arguments.parent) if arguments.parent else starting_process()
    if arguments.background:
        return _stay_behind(wishes, int(arguments.port), parent)
    ended = threading.Event()
    with _Serving(wishes, int(arguments.port)) as serving:
        sys.stdout.write(serving.exports())
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            signal.signal(signal.SIGHUP, lambda *_: ended.set())
        when_ended(parent, ended.set)
        ended.wait()
    return 0


def serve_command(wishes: Mapping[str, Wanted], command: Sequence[str], *, port: int) -> int:
    """Run a command with the endpoint in its environment, until it ends; its status, or 128 and its signal's number."""
    from daypass.aws.holding.environment import clean
    from daypass.cli.idp_exec import refused

    with _Serving(wishes, port) as serving:
        waiting: list[int] = []
        child: list[subprocess.Popen[bytes]] = []

        def pass_on(number: int, _frame: object) -> None:
            if not child:
                waiting.append(number)
            elif not (number in _OF_TERMINAL and os.isatty(0)):
                child[0].send_signal(number)

        # What nohup or a shell's `&` had ignored stays so, for the command, too: a handler here would undo it there.
        heard = [number for number in _PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, pass_on) for number in heard}
        try:
            try:
                alone = {**clean(os.environ), **serving.variables(), **serving.files_without_credentials()}
                child.append(subprocess.Popen(list(command), env=alone))  # noqa: S603 - the user's own command
            except OSError as error:
                return refused(command[0], error)
            for number in waiting:
                child[0].send_signal(number)
            status = child[0].wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return status if status >= 0 else 128 - status


class _Serving:
    """The endpoint, its secret's file, and both away again at the end. Its first sessions are there when it begins."""

    def __init__(self, wishes: Mapping[str, Wanted], port: int) -> None:
        import secrets

        from daypass import files
        from daypass.aws.holding import age
        from daypass.aws.holding.container_endpoint import ContainerEndpoint, Kept
        from daypass.cli.idp_holding import hold, obtainer, runtime_folder, tell_refusal, trouble
        from daypass.cli.main import tell_fault
        from daypass.errors import AwsRefused
        from daypass.secret import Secret

        threading.excepthook = lambda fault: tell_fault(fault.exc_value)
        environ = dict(os.environ)

        def supply(wanted: Wanted) -> Callable[[], Any]:
            ask = obtainer(wanted, environ)
            return lambda: hold(wanted, environ, ask=ask)

        kept = {name: Kept(supply(wanted), age.now) for name, wanted in wishes.items()}
        for name, one in kept.items():
            try:
                one.current()
            except AwsRefused as refused:
                raise SystemExit(tell_refusal(refused, wishes[name])) from None
        secret = Secret(secrets.token_urlsafe(32))
        self.endpoint: ContainerEndpoint = ContainerEndpoint(kept, secret, clocks=age.now, trouble=trouble, port=port)
        self._first = next(iter(wishes))
        self._folder = runtime_folder(environ)
        self._token_file = self._folder / "token"
        self._config = self._folder / "config"
        files.write_atomic(self._token_file, secret.reveal().encode("ascii"))

    def variables(self) -> dict[str, str]:
        """What SDKs need to find the endpoint."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": self.endpoint.url(self._first),
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(self._token_file),
        }

    def files_without_credentials(self) -> dict[str, str]:
        """Where a command finds AWS's files without what SDKs would use before the endpoint: the default profile's."""
        from daypass import files
        from daypass.aws.credentials_file import Locations, config_without_credentials

        config = config_without_credentials("default", locations=Locations.of(os.environ))
        if config is not None:
            files.write_atomic(self._config, config)
        return {
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **({} if config is None else {"AWS_CONFIG_FILE": str(self._config)}),
        }

    def exports(self) -> str:
        """The same as lines for a POSIX shell, with what would be used before it taken away."""
        from daypass.aws.credentials_file import Locations, gives_credentials
        from daypass.aws.holding.environment import credentials_in
        from daypass.aws.holding.shells import Shell, assignments
        from daypass.errors import FileUnavailable, FileUnsafe

        try:
            first = gives_credentials("default", locations=Locations.of(os.environ))
        except (FileUnavailable, FileUnsafe):
            first = None  # whoever reads the file will complain of it
        if first is not None:
            output.note(f"The default profile in `{first}` gives credentials, and SDKs use it before the agent.")
            output.note("Take it away first: daypass idp logout aws --profile default")
        return assignments(Shell.SH, self.variables(), unset=credentials_in(os.environ))

    def __enter__(self) -> Self:
        self.endpoint.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.endpoint.stop()
        for path in (self._token_file, self._config):
            path.unlink(missing_ok=True)
        try:
            self._folder.rmdir()
        except OSError:
            output.note(f"daypass: `{self._folder}` could not be removed")


def _stay_behind(wishes: Mapping[str, Wanted], port: int, parent: int) -> int:
    """Print the variables once all is there, and go on in a process of our own that ends with `parent`."""
    from daypass.aws.holding.parent import when_ended
    from daypass.cli.idp_holding import standard_streams

    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with open(reading, encoding="utf-8") as pipe:
            text = pipe.read()
        sys.stdout.write(text)
        # Without a word from it, it has said on standard error what went wrong, and ends.
        return 0 if text else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(reading)
    os.setsid()
    ended = threading.Event()
    with _Serving(wishes, port) as serving:
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with open(writing, "w", encoding="utf-8") as pipe:
            pipe.write(serving.exports())
        standard_streams()
        when_ended(parent, ended.set)
        ended.wait()
    return 0


def _wishes(arguments: argparse.Namespace) -> dict[str, Wanted]:
    from pathlib import Path

    from daypass.aws.holding.roles_file import read_roles
    from daypass.cli.idp_holding import wish

    if arguments.roles is None:
        return {"role": wish(arguments, os.environ)}
    if arguments.role_arn is not None:
        raise UsageInvalid("--roles and --role-arn exclude each other")
    return {entry.profile: entry.wanted for entry in read_roles(Path(arguments.roles))}
