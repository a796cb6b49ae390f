"""psycopg 3 through the gateway: prepared statements of the protocol, pipelines, COPY, cancels. It
names its statements _pg3_0, _pg3_1, ... in every session, so that where servers are shared the same
name stands for many texts. steps.py has how a step is told, real_clients_test.cpp what must be kept
when the program is over."""

import datetime
import decimal
import logging
import threading
import uuid

import psycopg

from steps import (POOL, SIZE, WORKERS, at_once, everybody_is_in, refused, run_steps, same, step,
                   until)

# Where a pipeline's error is raised within its block already, psycopg warns that it ended with it.
logging.getLogger("psycopg").setLevel(logging.ERROR)

CANCELLED, UNIQUE_VIOLATION, FAILED_TRANSACTION, NO_SUCH_TABLE = "57014", "23505", "25P02", "42P01"


def connect(**more):
    return psycopg.connect(**{"sslmode": "disable", **more})


def value(session, sql, *parameters, **more):
    return session.execute(sql, parameters or None, **more).fetchone()[0]


def prepared_like(session, text):
    return value(session, "select count(*) from pg_prepared_statements where statement like %s"
                          " and not from_sql", text + "%", prepare=False)


@step
def connects_by_scram(main):
    one = connect()
    same((one.pgconn.used_password, one.pgconn.ssl_in_use), (True, False))
    same(value(one, "select current_user"), "app")
    one.close()
    try:
        connect(password="wrong")
    except psycopg.OperationalError as error:
        same("password authentication failed" in str(error), True)
    else:
        raise AssertionError("a wrong password got in")


@step
def connects_over_tls(main):
    same(main.pgconn.ssl_in_use, True)
    same(value(main, "select session_user"), "app")
    main.commit()


@step
def simple_query(main):
    same(value(main, "select 6 * 7"), 42)
    cursor = main.execute("select 1; select 'zwölf'")
    same(cursor.nextset(), True)
    same(cursor.fetchone()[0], "zwölf")
    main.commit()


@step
def parameters(main):
    for kind, given in (("int4", 1), ("int8", 2**40), ("float8", 1.5), ("bool", True),
                        ("numeric", decimal.Decimal("12.50")), ("text", "it's 'ü' \\ %"),
                        ("text", None), ("int4[]", [1, 2, 3]), ("bytea", b"\0\xff'\\"),
                        ("uuid", uuid.UUID(int=7)), ("date", datetime.date(2024, 2, 29)),
                        ("timestamp", datetime.datetime(2024, 2, 29, 1, 2, 3, 4))):
        for binary in (False, True):
            cursor = main.execute(f"select %s::{kind}", (given,), binary=binary)
            same(cursor.fetchone()[0], given)
    main.commit()


@step
def named_statement(main):
    for number in range(1, 201):
        same(value(main, "insert into kept values ('named_statement', %s) returning n", number), number)
        if number % 10 == 0:
            same(prepared_like(main, "insert into kept values ('named_statement'"), 1)
        main.commit()


@step
def shared_statement(main):
    sessions = [connect(prepare_threshold=0) for _ in range(5 if POOL == "transaction" else SIZE - 1)]
    for number in range(1, 61):
        at = number % len(sessions)
        # The first two are the same everywhere; the third has one name and a text for each.
        same(value(sessions[at], "insert into kept values ('shared_statement', %s) returning n",
                   number), number)
        same(value(sessions[at], "select %s::int + 1", number), number + 1)
        same(value(sessions[at], f"select {at} * 1000 + %s::int", number), at * 1000 + number)
        same(prepared_like(sessions[at], f"select {at} * 1000"), 1)
        sessions[at].commit()
    for session in sessions:
        session.close()


@step
def copies_in_and_out(main):
    with main.cursor() as cursor:
        with cursor.copy("copy kept from stdin") as copy:
            for number in range(1, 20_001):
                copy.write_row(("copies_in_and_out", number))
        main.commit()
        with cursor.copy("copy (select n from kept where step = 'copies_in_and_out' order by n)"
                         " to stdout (format binary)") as copy:
            copy.set_types(["int4"])
            same([row[0] for row in copy.rows()], list(range(1, 20_001)))
        main.commit()

        def breaks_off():
            with cursor.copy("copy kept from stdin") as copy:
                copy.write_row(("x", 1))
                copy.write_row(("x", "one"))

        refused("22P02", breaks_off)
    main.rollback()
    same(value(main, "select count(*) from kept where step = 'x'"), 0)
    main.commit()


@step
def cancels(main):
    other = connect(autocommit=True)
    for _ in range(3):
        sleeps = threading.Thread(
            target=lambda: refused(CANCELLED, lambda: main.execute("select pg_sleep(600)")))
        sleeps.start()
        until(lambda: value(other, "select count(*) from pg_stat_activity where state = 'active'"
                                   " and query = 'select pg_sleep(600)'") == 1)
        main.cancel()
        sleeps.join()
        main.rollback()
    same(value(main, "insert into kept values ('cancels', 1) returning n"), 1)
    main.commit()
    other.close()


@step
def pipelines(main):
    with main.pipeline():
        cursors = [main.execute("insert into kept values ('pipelines', %s) returning n", (number,))
                   for number in range(1, 101)]
        same([cursor.fetchone()[0] for cursor in cursors], list(range(1, 101)))
    main.commit()

    def breaks_off():
        with main.pipeline() as pipeline:
            main.execute("insert into kept values ('pipelines', %s)", (101,))
            main.execute("insert into missing values (%s)", (1,))
            main.execute("insert into kept values ('pipelines', %s)", (102,))
            pipeline.sync()

    refused(NO_SUCH_TABLE, breaks_off)
    main.rollback()

    # Each sync a transaction of its own: what is between them may go to different servers.
    one = connect(autocommit=True, prepare_threshold=2)
    with one.pipeline() as pipeline:
        cursors = []
        for number in range(50):
            cursors.append(one.execute("select %s::int, pg_backend_pid()", (number,)))
            pipeline.sync()
        same([cursor.fetchone()[0] for cursor in cursors], list(range(50)))
    one.close()


@step
def is_notified(main):
    listener = connect(autocommit=True)
    listener.execute("listen news")
    told = listener.notifies()
    for number in range(3):
        main.execute("select pg_notify('news', %s)", (f"number {number}",))
        main.commit()
        notification = next(told)
        same((notification.channel, notification.payload), ("news", f"number {number}"))
    told.close()
    listener.close()


@step
def large_result(main):
    with main.cursor("rows") as cursor:
        cursor.itersize = 10_000
        cursor.execute("select n from generate_series(1, 1000000) n")
        count = 0
        for count, row in enumerate(cursor, 1):
            if row != (count,):
                same(row, (count,))
    same(count, 1_000_000)
    main.commit()
    count = 0
    for count, row in enumerate(main.cursor().stream("select n from generate_series(1, 50000) n"), 1):
        if row != (count,):
            same(row, (count,))
    same(count, 50_000)
    main.commit()


@step
def large_value(main):
    same(value(main, "select repeat('0123456789', 5 * 1024 * 1024)"), "0123456789" * (5 << 20))
    sent = "x" * (50 << 20)
    same(value(main, "select md5(%s::text) = md5(repeat('x', 50 * 1024 * 1024))", sent), True)
    main.commit()


@step
def large_objects(main):
    written = bytes(range(256)) * 4096
    oid = value(main, "select lo_from_bytea(0, %s)", written)
    main.commit()
    descriptor = value(main, "select lo_open(%s, 262144)", oid)
    same(value(main, "select lo_lseek(%s, 256, 0)", descriptor), 256)
    same(value(main, "select loread(%s, %s)", descriptor, len(written)), written[256:])
    main.commit()
    same(value(main, "select lo_get(%s)", oid), written)
    same(value(main, "select lo_unlink(%s)", oid), 1)
    main.commit()


@step
def error_and_rollback(main):
    keep = "insert into kept values ('error_and_rollback', %s)"
    main.execute(keep, (1,), prepare=True)
    refused(UNIQUE_VIOLATION, lambda: main.execute(keep, (1,)))
    refused(FAILED_TRANSACTION, lambda: main.execute("select 1"))
    main.rollback()
    main.execute(keep, (2,))
    refused("22012", lambda: within_savepoint(main, "select 1 / 0"))
    main.commit()


def within_savepoint(session, sql):
    with session.transaction():
        session.execute(sql)


@step
def settings_are_kept(main):
    one, two = connect(options="-c work_mem=5MB"), connect()
    one.execute("set work_mem = '9MB'; set application_name = 'mine'; set search_path = pg_catalog")
    one.commit()
    two.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    for _ in range(8):  # more often than it takes to have them prepared
        same((value(one, "show work_mem"), value(one, "show application_name")), ("9MB", "mine"))
        same(value(one, "show search_path"), "pg_catalog")
        same((value(two, "show work_mem"), value(two, "show search_path")), ("4MB", '"$user", public'))
        same(value(two, "show transaction_isolation"), "serializable")
        one.commit()
        two.commit()
    one.execute("reset all")
    same(value(one, "show work_mem"), "5MB")
    one.close()
    two.close()


@step
def many_at_once(main):
    meet = everybody_is_in()

    def work(me):
        session = connect(application_name=f"worker {me}", prepare_threshold=1)
        meet()
        for number in range(me * 1000 + 1, me * 1000 + 26):
            session.execute("insert into kept values ('many_at_once', %s)", (number,))
            same(value(session, f"select max(n) + {me} from kept where step = 'many_at_once'"
                                " and n / 1000 = %s", me), number + me)
            same(value(session, "show application_name"), f"worker {me}")
            session.commit()
        session.close()

    at_once(work, WORKERS)


@step
def deallocates(main):
    session = connect(autocommit=True, prepare_threshold=0)
    session.prepared_max = 2  # beyond, it says DEALLOCATE to the one that was used longest ago
    for number in range(50):
        same(value(session, f"select {number % 5} + %s::int", number), number % 5 + number)
    session.close()


@step
def closes(main):
    main.execute("insert into kept values ('closes', 1)")
    main.close()
    late = connect()
    same(value(late, "select count(*) from kept where step = 'closes'"), 0)  # not committed
    late.execute("insert into kept values ('closes', 2)")
    late.commit()
    late.close()


run_steps(connect(sslmode="require", channel_binding="require"))
