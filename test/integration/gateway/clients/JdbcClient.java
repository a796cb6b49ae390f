// pgjdbc through the gateway: statements prepared at the server from their first use, batches with
// and without rewriting, cursors by fetch size, COPY, notifications, large objects, Statement.cancel.
// A step says `ok NAME` or ends the program; real_clients_test.cpp has what must be kept when it is
// over. The server's address and the password are in libpq's environment variables.

import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

public class JdbcClient {
  static final boolean TRANSACTION = System.getenv("PGKEEL_POOL").equals("transaction");
  static final int SIZE = 3; // of the gateway's pool
  static final int WORKERS = 8;
  static final int PATIENCE_S = 60;

  interface Step {
    void run(Connection main) throws Exception;
  }

  record Named(String name, Step step) {}

  static final List<Named> STEPS = List.of(
      new Named("connects_by_scram", JdbcClient::connectsByScram),
      new Named("connects_over_tls", JdbcClient::connectsOverTls),
      new Named("simple_query", JdbcClient::simpleQuery),
      new Named("parameters", JdbcClient::parameters),
      new Named("named_statement", JdbcClient::namedStatement),
      new Named("shared_statement", JdbcClient::sharedStatement),
      new Named("copies_in_and_out", JdbcClient::copiesInAndOut),
      new Named("cancels", JdbcClient::cancels),
      new Named("pipelines", JdbcClient::pipelines),
      new Named("is_notified", JdbcClient::isNotified),
      new Named("large_result", JdbcClient::largeResult),
      new Named("large_value", JdbcClient::largeValue),
      new Named("large_objects", JdbcClient::largeObjects),
      new Named("error_and_rollback", JdbcClient::errorAndRollback),
      new Named("settings_are_kept", JdbcClient::settingsAreKept),
      new Named("many_at_once", JdbcClient::manyAtOnce),
      new Named("evicts_statements", JdbcClient::evictsStatements),
      new Named("sees_new_columns", JdbcClient::seesNewColumns),
      new Named("with_defaults", JdbcClient::withDefaults),
      new Named("closes", JdbcClient::closes));

  public static void main(String[] arguments) throws Exception {
    Connection main = connect("sslmode=require");
    main.setAutoCommit(false);
    for (Named named : STEPS) {
      try {
        named.step().run(main);
      } catch (Throwable error) {
        System.out.println("FAILED " + named.name());
        error.printStackTrace(System.out);
        System.exit(1);
      }
      System.out.println("ok " + named.name());
    }
    System.exit(0);
  }

  // By default pgjdbc says SET when it has connected, which ties it to a server where servers are
  // shared; told that the server is no older than 9.0, it asks for the same at the start.
  static Connection connect(String... more) throws SQLException {
    Properties properties = new Properties();
    properties.putAll(Map.of("user", System.getenv("PGUSER"), "password", System.getenv("PGPASSWORD"),
        "sslmode", "disable", "prepareThreshold", "1", "assumeMinServerVersion", "9.0"));
    for (String option : more) properties.put(option.split("=", 2)[0], option.split("=", 2)[1]);
    return DriverManager.getConnection(url(), properties);
  }

  static String url() {
    return String.format("jdbc:postgresql://%s:%s/%s", System.getenv("PGHOST"), System.getenv("PGPORT"),
        System.getenv("PGDATABASE"));
  }

  static void same(Object got, Object wanted) {
    if (Objects.deepEquals(got, wanted)) return;
    String said = String.valueOf(got);
    throw new AssertionError("got " + said.substring(0, Math.min(300, said.length())) + ", wanted "
        + String.valueOf(wanted).substring(0, Math.min(300, String.valueOf(wanted).length())));
  }

  static void refused(String sqlstate, Callable<?> call) throws Exception {
    try {
      call.call();
    } catch (SQLException error) {
      if (!sqlstate.equals(error.getSQLState())) throw error;
      return;
    }
    throw new AssertionError("no error, wanted " + sqlstate);
  }

  static boolean run(Connection session, String sql) throws SQLException {
    try (Statement statement = session.createStatement()) {
      return statement.execute(sql);
    }
  }

  static Object value(Connection session, String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = session.prepareStatement(sql)) {
      for (int at = 0; at < values.length; ++at) statement.setObject(at + 1, values[at]);
      try (ResultSet rows = statement.executeQuery()) {
        rows.next();
        return rows.getObject(1);
      }
    }
  }

  static int keep(Connection session, String step, int number) throws SQLException {
    return (int) value(session, "insert into kept values ('" + step + "', ?) returning n", number);
  }

  static long preparedLike(Connection session, String text) throws SQLException {
    return (long) value(session, "select count(*) from pg_prepared_statements"
        + " where not from_sql and statement like ?", text + "%");
  }

  static void until(Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
    while (!condition.call())
      if (System.nanoTime() > end) throw new AssertionError("waited in vain");
  }

  static void connectsByScram(Connection main) throws Exception {
    try (Connection one = connect()) {
      same(value(one, "select current_user::text"), "app");
    }
    refused("28P01", () -> connect("password=wrong"));
  }

  static void connectsOverTls(Connection main) throws Exception {
    same(value(main, "select session_user::text"), "app"); // sslmode=require connects in no other way
    main.commit();
  }

  static void simpleQuery(Connection main) throws Exception {
    try (Connection one = connect("preferQueryMode=simple");
        Statement statement = one.createStatement()) {
      same(value(one, "select 6 * 7"), 42);
      statement.execute("select 1; select 'zwölf'");
      same(statement.getMoreResults(), true);
      ResultSet rows = statement.getResultSet();
      rows.next();
      same(rows.getString(1), "zwölf");
    }
  }

  static void parameters(Connection main) throws Exception {
    for (Object given : List.of(1, 1L << 40, 1.5, true, new BigDecimal("12.50"), "it's 'ü' \\ %", new UUID(1, 2),
            LocalDate.of(2024, 2, 29), OffsetDateTime.of(2024, 2, 29, 1, 2, 3, 4000, ZoneOffset.UTC)))
      for (int round = 0; round < 3; ++round) // as text, then binary
        try (PreparedStatement statement = main.prepareStatement("select ?")) {
          statement.setObject(1, given);
          ResultSet rows = statement.executeQuery();
          rows.next();
          same(rows.getObject(1, given.getClass()), given);
        }
    byte[] bytes = {0, -1, 39, 92};
    same(value(main, "select ?", bytes), bytes);
    same(value(main, "select ?::text", (Object) null), null);
    Array array = main.createArrayOf("int4", new Integer[] {1, 2, 3});
    same(((Array) value(main, "select ?::int4[]", array)).getArray(), new Integer[] {1, 2, 3});
    main.commit();
  }

  static void namedStatement(Connection main) throws Exception {
    String text = "insert into kept values ('named_statement', ";
    try (PreparedStatement statement = main.prepareStatement(text + "?)")) {
      for (int number = 1; number <= 200; ++number) {
        statement.setInt(1, number);
        same(statement.executeUpdate(), 1);
        if (number % 10 == 0) same(preparedLike(main, text), 1L);
        main.commit();
      }
    }
  }

  // The same name for another text in each session, and the same text.
  static void sharedStatement(Connection main) throws Exception {
    List<Connection> sessions = new ArrayList<>();
    for (int at = 0; at < (TRANSACTION ? 5 : SIZE - 1); ++at) sessions.add(connect());
    for (int number = 1; number <= 60; ++number) {
      int at = number % sessions.size();
      same(value(sessions.get(at), "select " + at + " * 1000 + ?", number), at * 1000 + number);
      same(keep(sessions.get(at), "shared_statement", number), number);
    }
    for (Connection session : sessions) session.close();
  }

  static void copiesInAndOut(Connection main) throws Exception {
    StringBuilder rows = new StringBuilder();
    for (int number = 1; number <= 20_000; ++number) rows.append("copies_in_and_out\t").append(number).append('\n');
    var copy = main.unwrap(PGConnection.class).getCopyAPI();
    same(copy.copyIn("copy kept from stdin", new StringReader(rows.toString())), 20_000L);
    main.commit();
    StringWriter out = new StringWriter();
    copy.copyOut("copy (select * from kept where step = 'copies_in_and_out' order by n) to stdout", out);
    same(out.toString(), rows.toString());
    main.commit();
    refused("22P02", () -> copy.copyIn("copy kept from stdin", new StringReader("x\t1\nx\tone\n")));
    main.rollback();
    same(value(main, "select count(*) from kept where step = 'x'"), 0L);
    main.commit();
  }

  static void cancels(Connection main) throws Exception {
    ExecutorService thread = Executors.newSingleThreadExecutor();
    try (Connection other = connect(); Statement statement = main.createStatement()) {
      for (int round = 0; round < 20; ++round) {
        Future<?> ended = thread.submit(() -> {
          refused("57014", () -> statement.execute("select pg_sleep(600)"));
          return null;
        });
        until(() -> value(other, "select count(*) from pg_stat_activity where state = 'active'"
            + " and query = 'select pg_sleep(600)'").equals(1L));
        statement.cancel();
        ended.get(PATIENCE_S, TimeUnit.SECONDS);
        main.rollback();
      }
      statement.setQueryTimeout(1); // the driver cancels by itself
      refused("57014", () -> statement.execute("select pg_sleep(600)"));
      main.rollback();
    }
    thread.shutdown();
    same(keep(main, "cancels", 1), 1);
    main.commit();
  }

  // A batch is sent as a pipeline, many Executes to a Sync; rewritten, as statements of many rows.
  static void pipelines(Connection main) throws Exception {
    for (boolean rewrite : new boolean[] {false, true})
      try (Connection one = connect("reWriteBatchedInserts=" + rewrite)) {
        one.setAutoCommit(false);
        int from = rewrite ? 50 : 0;
        try (PreparedStatement statement = one.prepareStatement("insert into kept (step, n) values ('pipelines', ?)")) {
          for (int number = from + 1; number <= from + 50; ++number) {
            statement.setInt(1, number);
            statement.addBatch();
          }
          int[] counts = statement.executeBatch();
          same(Arrays.stream(counts).allMatch(count -> count == (rewrite ? Statement.SUCCESS_NO_INFO : 1)), true);
          one.commit();
          for (int number : new int[] {101, 1, 102}) {
            statement.setInt(1, number);
            statement.addBatch();
          }
          refused("23505", statement::executeBatch);
          one.rollback();
        }
        try (Statement statement = one.createStatement()) {
          for (String sql : List.of("create temp table mine (n int)", "insert into mine values (1), (2)", "drop table mine"))
            statement.addBatch(sql);
          same(statement.executeBatch(), new int[] {0, 2, 0});
        }
        one.commit();
      }
  }

  static void isNotified(Connection main) throws Exception {
    try (Connection listener = connect()) {
      run(listener, "listen news");
      for (int number = 0; number < 3; ++number) {
        value(main, "select pg_notify('news', ?)", "number " + number);
        main.commit();
        PGNotification[] told = listener.unwrap(PGConnection.class).getNotifications(PATIENCE_S * 1000);
        same(told.length, 1);
        same(told[0].getName() + " " + told[0].getParameter(), "news number " + number);
      }
    }
  }

  // The portal stays open from one fetch to the next.
  static void largeResult(Connection main) throws Exception {
    try (PreparedStatement statement = main.prepareStatement("select n, 'row ' || n from generate_series(1, ?) n")) {
      statement.setInt(1, 1_000_000);
      statement.setFetchSize(10_000);
      int count = 0;
      try (ResultSet rows = statement.executeQuery()) {
        while (rows.next()) {
          ++count;
          if (rows.getInt(1) != count || !rows.getString(2).equals("row " + count)) same(rows.getString(2), "row " + count);
        }
      }
      same(count, 1_000_000);
      try (ResultSet rows = statement.executeQuery()) { // closed long before its end
        same(rows.next(), true);
      }
    }
    main.commit();
  }

  static void largeValue(Connection main) throws Exception {
    same(value(main, "select repeat('0123456789', 5 * 1024 * 1024)"), "0123456789".repeat(5 << 20));
    same(value(main, "select md5(?::text) = md5(repeat('x', 50 * 1024 * 1024))", "x".repeat(50 << 20)), true);
    main.commit();
  }

  // By function calls of the protocol.
  static void largeObjects(Connection main) throws Exception {
    byte[] written = new byte[1 << 20];
    for (int at = 0; at < written.length; ++at) written[at] = (byte) at;
    LargeObjectManager objects = main.unwrap(PGConnection.class).getLargeObjectAPI();
    long oid = objects.createLO();
    try (LargeObject object = objects.open(oid, LargeObjectManager.WRITE)) {
      object.write(written);
    }
    main.commit();
    try (LargeObject object = objects.open(oid, LargeObjectManager.READ)) {
      object.seek(256);
      same(object.read(written.length), Arrays.copyOfRange(written, 256, written.length));
    }
    objects.delete(oid);
    main.commit();
  }

  static void errorAndRollback(Connection main) throws Exception {
    same(keep(main, "error_and_rollback", 1), 1);
    refused("23505", () -> keep(main, "error_and_rollback", 1));
    refused("25P02", () -> value(main, "select 1"));
    main.rollback();
    same(keep(main, "error_and_rollback", 2), 2);
    var here = main.setSavepoint();
    refused("22012", () -> value(main, "select 1 / ?", 0));
    main.rollback(here);
    main.commit();
  }

  static void settingsAreKept(Connection main) throws Exception {
    try (Connection one = connect("options=-c work_mem=5MB"); Connection two = connect("ApplicationName=two")) {
      run(one, "set work_mem = '9MB'; set search_path = pg_catalog");
      one.setClientInfo("ApplicationName", "mine");
      two.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
      two.setReadOnly(true);
      for (int round = 0; round < 5; ++round) {
        same(value(one, "show work_mem"), "9MB");
        same(value(one, "show application_name"), "mine");
        same(value(one, "show search_path"), "pg_catalog");
        same(value(two, "show work_mem"), "4MB");
        same(value(two, "show application_name"), "two");
        same(value(two, "show transaction_isolation"), "serializable");
        refused("25006", () -> {
          two.setAutoCommit(false);
          return keep(two, "x", 1);
        });
        two.rollback();
        two.setAutoCommit(true);
      }
      run(one, "reset all");
      same(value(one, "show work_mem"), "5MB");
    }
  }

  static void manyAtOnce(Connection main) throws Exception {
    CyclicBarrier meeting = new CyclicBarrier(WORKERS);
    ExecutorService threads = Executors.newFixedThreadPool(WORKERS);
    List<Future<Void>> works = new ArrayList<>();
    for (int worker = 1; worker <= WORKERS; ++worker) {
      int me = worker;
      works.add(threads.submit(() -> work(me, meeting)));
    }
    for (Future<Void> work : works) work.get(PATIENCE_S, TimeUnit.SECONDS);
    threads.shutdown();
  }

  // Where servers are shared by transaction all workers meet, each connected, before they work on.
  static Void work(int me, CyclicBarrier meeting) throws Exception {
    try (Connection session = connect("ApplicationName=worker " + me)) {
      session.setAutoCommit(false);
      if (TRANSACTION) meeting.await(PATIENCE_S, TimeUnit.SECONDS);
      for (int number = me * 1000 + 1; number <= me * 1000 + 25; ++number) {
        same(value(session, "select " + me + " + ?", number), number + me);
        same(keep(session, "many_at_once", number), number);
        same(value(session, "select max(n) from kept where step = 'many_at_once' and n / 1000 = ?", me), number);
        same(value(session, "show application_name"), "worker " + me);
        session.commit();
      }
    }
    return null;
  }

  // More statements than it keeps prepared: it closes the oldest, and prepares it anew.
  static void evictsStatements(Connection main) throws Exception {
    try (Connection one = connect("preparedStatementCacheQueries=2")) {
      for (int number = 1; number <= 50; ++number)
        same(value(one, "select ? + " + number % 5, number), number + number % 5);
    }
  }

  // The server refuses the statement it had planned; the driver prepares it anew, and nobody notices.
  static void seesNewColumns(Connection main) throws Exception {
    run(main, "create table changing as select 1 as a");
    main.commit();
    try (Connection one = connect(); PreparedStatement statement = one.prepareStatement("select * from changing")) {
      for (int columns = 1; columns <= 3; ++columns) {
        for (int round = 0; round < 5; ++round)
          try (ResultSet rows = statement.executeQuery()) {
            same(rows.getMetaData().getColumnCount(), columns);
          }
        run(main, "alter table changing add column b" + columns + " int");
        main.commit();
      }
    }
    run(main, "drop table changing");
    main.commit();
  }

  // Nothing asked for: SET at the start, statements prepared by name from the fifth time on.
  static void withDefaults(Connection main) throws Exception {
    try (Connection one = DriverManager.getConnection(url(), System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
        PreparedStatement statement = one.prepareStatement("select ? / 3.0::float8")) {
      for (int number = 1; number <= 20; ++number) {
        statement.setInt(1, number);
        ResultSet rows = statement.executeQuery();
        rows.next();
        same(rows.getDouble(1), number / 3.0);
      }
      same(value(one, "show extra_float_digits"), "3");
      same(value(one, "show application_name"), "PostgreSQL JDBC Driver");
    }
  }

  static void closes(Connection main) throws Exception {
    same(keep(main, "closes", 1), 1);
    main.close();
    try (Connection late = connect()) {
      same(value(late, "select count(*) from kept where step = 'closes'"), 0L); // not committed
      same(keep(late, "closes", 2), 2);
    }
  }
}
