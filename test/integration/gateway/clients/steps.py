"""What the two psycopg programs share: named steps that say `ok NAME` or end the program, and
waiting on what the server shows. The server's address and the password are in libpq's environment
variables; PGKEEL_POOL says how the gateway shares its servers, PGKEEL_SCRATCH where files may lie."""

import os
import sys
import threading
import time
import traceback

POOL = os.environ["PGKEEL_POOL"]
SCRATCH = os.environ["PGKEEL_SCRATCH"]
SIZE = 3  # of the gateway's pool
WORKERS = 8
PATIENCE_S = 60

_steps = []


def step(function):
    """Registers a step under the function's name; steps run in the order they are written."""
    _steps.append(function)
    return function


def run_steps(*arguments):
    for function in _steps:
        try:
            function(*arguments)
        except BaseException:  # a SystemExit in a step would end the program with 0
            print(f"FAILED {function.__name__}\n{traceback.format_exc()}", flush=True)
            os._exit(1)
        print(f"ok {function.__name__}", flush=True)
    sys.exit(0)


def same(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r:.300}, wanted {wanted!r:.300}")


def refused(sqlstate, call):
    """The call must fail, with this SQLSTATE."""
    try:
        call()
    except Exception as error:
        same(getattr(error, "pgcode", None) or getattr(error, "sqlstate", None), sqlstate)
        return
    raise AssertionError(f"no error, wanted {sqlstate}")


def until(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.01)


def at_once(call, count):
    """Runs call(1) to call(count) in threads of their own; what one of them raises is raised."""
    raised = []

    def run(number):
        try:
            call(number)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(1, count + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
        if thread.is_alive() and not raised:
            raise AssertionError("a worker does not come to its end")
    if raised:
        raise raised[0]


def everybody_is_in():
    """Where servers are shared by transaction, all workers meet, each connected, before they work
    on; with a server for each, those that are in have to leave before the others can come."""
    if POOL == "transaction":
        meeting = threading.Barrier(WORKERS, timeout=PATIENCE_S)
        return meeting.wait
    return lambda: None
