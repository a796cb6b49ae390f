"""psycopg 2 through the gateway. It sends simple queries only: PREPARE and EXECUTE stand for
prepared statements of the protocol, several statements in a text for pipelines. steps.py has how a
step is told, real_clients_test.cpp what must be kept when the program is over."""

import datetime
import decimal
import io
import select
import threading

import psycopg2
import psycopg2.extensions

from steps import WORKERS, at_once, everybody_is_in, refused, run_steps, same, step, until

CANCELLED, UNDEFINED_STATEMENT, UNIQUE_VIOLATION, FAILED_TRANSACTION = "57014", "26000", "23505", "25P02"


def connect(**more):
    return psycopg2.connect("", **{"sslmode": "disable", **more})


def run(session, sql, *parameters):
    with session.cursor() as cursor:
        cursor.execute(sql, parameters or None)


def value(session, sql, *parameters):
    with session.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchone()[0]


@step
def connects_by_scram(main):
    one = connect()
    same((one.info.used_password, one.info.ssl_in_use), (True, False))
    same(value(one, "select current_user"), "app")
    one.close()
    try:
        connect(password="wrong")
    except psycopg2.OperationalError as error:
        same("password authentication failed" in str(error), True)
    else:
        raise AssertionError("a wrong password got in")


@step
def connects_over_tls(main):
    same(main.info.ssl_in_use, True)
    same(value(main, "select session_user"), "app")
    main.commit()


@step
def simple_query(main):
    same(value(main, "select 6 * 7"), 42)
    same(value(main, "select 1; select 'zwölf'"), "zwölf")
    main.commit()


@step
def parameters(main):
    for kind, given in (("int4", 1), ("int8", 2**40), ("float8", 1.5), ("bool", True),
                        ("numeric", decimal.Decimal("12.50")), ("text", "it's 'ü' \\ %"),
                        ("text", None), ("int4[]", [1, 2, 3]),
                        ("date", datetime.date(2024, 2, 29)),
                        ("timestamp", datetime.datetime(2024, 2, 29, 1, 2, 3, 4))):
        same(value(main, f"select %s::{kind}", given), given)
    same(bytes(value(main, "select %s::bytea", b"\0\xff'\\")), b"\0\xff'\\")
    main.commit()


@step
def named_statement(main):
    run(main, "prepare keep (int) as insert into kept values ('named_statement', $1) returning n")
    for number in range(1, 201):
        same(value(main, "execute keep (%s)", number), number)
        main.commit()
    run(main, "deallocate keep")
    main.commit()
    refused(UNDEFINED_STATEMENT, lambda: run(main, "execute keep (1)"))
    main.rollback()


@step
def shared_statement(main):
    sessions = [connect(), connect()]  # PREPARE ties each to a server; with main that is all three
    for at, session in enumerate(sessions):
        run(session, f"prepare mine (int) as select {at} * 1000 + $1")
        run(session, "prepare keep (int) as insert into kept values ('shared_statement', $1)")
        session.commit()
    for number in range(1, 61):
        at = number % len(sessions)
        same(value(sessions[at], "execute mine (%s)", number), at * 1000 + number)
        run(sessions[at], "execute keep (%s)", number)
        sessions[at].commit()
    for session in sessions:
        session.close()


@step
def copies_in_and_out(main):
    rows = "".join(f"copies_in_and_out\t{number}\n" for number in range(1, 20_001))
    with main.cursor() as cursor:
        cursor.copy_expert("copy kept from stdin", io.StringIO(rows))
        same(cursor.rowcount, 20_000)
        main.commit()
        out = io.StringIO()
        cursor.copy_expert(
            "copy (select * from kept where step = 'copies_in_and_out' order by n) to stdout", out)
        same(out.getvalue(), rows)
        main.commit()
        refused("22P02", lambda: cursor.copy_expert("copy kept from stdin",
                                                    io.StringIO("x\t1\nx\tone\n")))
    main.rollback()
    same(value(main, "select count(*) from kept where step = 'x'"), 0)
    main.commit()


@step
def cancels(main):
    other = connect()
    other.autocommit = True
    for _ in range(3):
        sleeps = threading.Thread(
            target=lambda: refused(CANCELLED, lambda: run(main, "select pg_sleep(600)")))
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
    text = ";".join(f"insert into kept values ('pipelines', {n})" for n in range(1, 101))
    same(value(main, text + "; select count(*) from kept where step = 'pipelines'"), 100)
    main.commit()
    refused(UNIQUE_VIOLATION, lambda: run(main, "insert into kept values ('pipelines', 101); " + text))
    main.rollback()


@step
def is_notified(main):
    listener = connect()
    listener.autocommit = True
    run(listener, "listen news")
    for number in range(3):
        run(main, "select pg_notify('news', %s)", f"number {number}")
        main.commit()
        while not listener.notifies:
            same(bool(select.select([listener], [], [], 60)[0]), True)
            listener.poll()
        told = listener.notifies.pop()
        same((told.channel, told.payload), ("news", f"number {number}"))
    listener.close()


@step
def large_result(main):
    with main.cursor(name="rows") as cursor:
        cursor.itersize = 10_000
        cursor.execute("select n, 'row ' || n from generate_series(1, 1000000) n")
        count = 0
        for count, row in enumerate(cursor, 1):
            if row != (count, f"row {count}"):
                same(row, (count, f"row {count}"))
    same(count, 1_000_000)
    main.commit()


@step
def large_value(main):
    same(value(main, "select repeat('0123456789', 5 * 1024 * 1024)"), "0123456789" * (5 << 20))
    sent = "x" * (50 << 20)
    same(value(main, "select md5(%s) = md5(repeat('x', 50 * 1024 * 1024))", sent), True)
    main.commit()


@step
def large_objects(main):
    written = bytes(range(256)) * 4096
    made = main.lobject(0, "wb")
    same(made.write(written), len(written))
    made.close()
    main.commit()
    read = main.lobject(made.oid, "rb")
    read.seek(256)
    same(read.read(), written[256:])
    read.close()
    main.lobject(made.oid).unlink()
    main.commit()


@step
def error_and_rollback(main):
    run(main, "insert into kept values ('error_and_rollback', 1)")
    refused(UNIQUE_VIOLATION, lambda: run(main, "insert into kept values ('error_and_rollback', 1)"))
    refused(FAILED_TRANSACTION, lambda: run(main, "select 1"))
    main.rollback()
    run(main, "insert into kept values ('error_and_rollback', 2)")
    run(main, "savepoint here")
    refused("22012", lambda: run(main, "select 1 / 0"))
    run(main, "rollback to here")
    main.commit()


@step
def settings_are_kept(main):
    one, two = connect(options="-c work_mem=5MB"), connect()
    run(one, "set work_mem = '9MB'; set application_name = 'mine'; set search_path = pg_catalog")
    one.commit()
    two.set_session(isolation_level="SERIALIZABLE", readonly=True)
    for _ in range(5):
        same((value(one, "show work_mem"), value(one, "show application_name")), ("9MB", "mine"))
        same(value(one, "show search_path"), "pg_catalog")
        same((value(two, "show work_mem"), value(two, "show search_path")), ("4MB", '"$user", public'))
        same(value(two, "show transaction_isolation"), "serializable")
        one.commit()
        two.commit()
    run(one, "reset all")
    same(value(one, "show work_mem"), "5MB")
    one.close()
    two.close()


@step
def many_at_once(main):
    meet = everybody_is_in()

    def work(me):
        session = connect(application_name=f"worker {me}")
        meet()
        for number in range(me * 1000 + 1, me * 1000 + 26):
            run(session, "insert into kept values ('many_at_once', %s)", number)
            same(value(session, "select max(n) from kept where step = 'many_at_once'"
                                " and n / 1000 = %s", me), number)
            same(value(session, "show application_name"), f"worker {me}")
            session.commit()
        session.close()

    at_once(work, WORKERS)


@step
def closes(main):
    run(main, "insert into kept values ('closes', 1)")
    main.close()
    late = connect()
    same(value(late, "select count(*) from kept where step = 'closes'"), 0)  # not committed
    run(late, "insert into kept values ('closes', 2)")
    late.commit()
    late.close()


run_steps(connect(sslmode="require", channel_binding="require"))
