"""Storage that answers in its own words instead of doing what it is asked for."""

from __future__ import annotations

from tests.support.proxy import Hook, Moment, Reaction, Reply, Request


def refusing(status: int, code: str, path: str, *methods: str) -> Hook:
    """A proxy's hook: each request about a name that holds `path` gets this answer; of these methods, or of all."""

    def hook(request: Request, moment: Moment) -> bool | Reaction:
        is_meant = path in request.path and (not methods or request.method in methods)
        answer = Reply(status=status, headers={"x-ms-error-code": code})
        return answer if is_meant and moment is Moment.BEFORE else False

    return hook
