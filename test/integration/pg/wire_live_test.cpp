// The codec against what libpq, psql and pgbench really say to a server, and what it answers.
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <libpq/libpq-fs.h>
#include <fstream>
#include <map>

#include "integration/pg/majors.hpp"
#include "pg/wire/message_reader.hpp"
#include "support/child.hpp"
#include "support/wire_recode.hpp"
#include "support/wire_tap.hpp"

namespace pgkeel::test {
namespace {

using wire::Sender;

/// How often each message was seen, by its name.
using Seen = std::map<std::string, int>;
constexpr std::size_t kBodyMost = 64U << 20U;
/// Chunks of no size that a message has, so that borders fall anywhere.
constexpr std::size_t kChunkBytes = 1021;

/// Reads the opening packets, writes them again, and says how many asked for encryption: each was
/// answered by one byte.
std::size_t recode_opening(wire::MessageReader& reader, ByteBuffer& out, Seen& seen) {
  for (std::size_t requests = 0;; ++requests) {
    const auto packet = reader.next_startup().value().value();
    if (const auto* startup = std::get_if<wire::StartupMessage>(&packet)) {
      ++seen["StartupMessage"];
      wire::append_startup(out, startup->version, startup->parameters);
      return requests;
    }
    if (const auto* cancel = std::get_if<wire::CancelRequest>(&packet)) {
      ++seen["CancelRequest"];
      append(out, *cancel);
      return requests;
    }
    if (std::holds_alternative<wire::TlsRequest>(packet)) append(out, wire::TlsRequest());
    else append(out, wire::GssEncryptionRequest());
  }
}

void recode_messages(wire::MessageReader& reader, Sender sender, ByteBuffer& out, Seen& seen) {
  while (true) {
    const auto message = reader.next();
    ASSERT_TRUE(message.has_value()) << message.error().message();
    if (!*message) return;
    const auto name = wire::message_name(sender, (*message)->type);
    const auto written = recode(out, sender, (*message)->type, (*message)->body);
    ASSERT_TRUE(written.has_value()) << name << ": " << written.error().message();
    ++seen[std::string(name)];
  }
}

/// The walk over chunks forwards the same bytes and ends where messages end.
void expect_walkable(Sender sender, ByteSpan messages) {
  wire::FrameCursor cursor(sender);
  std::string forwarded;
  for (auto left = messages; !left.empty();) {
    auto chunk = left.first(std::min(kChunkBytes, left.size()));
    left = left.subspan(chunk.size());
    while (true) {
      const auto piece = cursor.next(chunk).value();
      if (!piece) break;
      forwarded += wire::text_of(piece->carried);
      forwarded += wire::text_of(piece->bytes);
    }
  }
  EXPECT_TRUE(cursor.between_messages());
  EXPECT_TRUE(forwarded == wire::text_of(messages));
}

void expect_same(const TappedSession& session, Seen& seen) {
  wire::MessageReader client(Sender::Frontend, kBodyMost);
  client.feed(wire::bytes_of(session.frontend));
  ByteBuffer out;
  const auto answers = recode_opening(client, out, seen);
  expect_walkable(Sender::Frontend, client.left());
  recode_messages(client, Sender::Frontend, out, seen);
  EXPECT_TRUE(wire::text_of(out) == session.frontend);

  const auto said = wire::bytes_of(session.backend).subspan(answers);
  wire::MessageReader server(Sender::Backend, kBodyMost);
  server.feed(said);
  out.clear();
  expect_walkable(Sender::Backend, said);
  recode_messages(server, Sender::Backend, out, seen);
  EXPECT_TRUE(wire::text_of(out) == wire::text_of(said));
}

class WireLive : public EveryMajor {
 protected:
  void SetUp() override {
    EveryMajor::SetUp();
    if (IsSkipped()) return;
    server_.emplace(options());
    tap_.emplace(server_->port());
  }
  [[nodiscard]] std::string conninfo() const {
    return "host=127.0.0.1 user=postgres dbname=postgres port=" + std::to_string(tap_->port());
  }
  [[nodiscard]] PGconn* connect() const {
    auto* connection = PQconnectdb(conninfo().c_str());
    EXPECT_EQ(PQstatus(connection), CONNECTION_OK) << PQerrorMessage(connection);
    PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
    return connection;
  }
  /// Everything that was said so far is read and written again; true when these were among it.
  void expect_all_the_same(const std::vector<std::string>& messages) {
    Seen seen;
    for (const auto& session : tap_->sessions()) expect_same(session, seen);
    for (const auto& message : messages) EXPECT_GT(seen[message], 0) << message;
  }

  std::optional<PostgresServer> server_;
  std::optional<WireTap> tap_;
};
PGKEEL_FOR_EVERY_MAJOR(WireLive);

void run(PGconn* connection, const char* sql) { PQclear(PQexec(connection, sql)); }

TEST_P(WireLive, simple_queries_errors_and_notices) {
  // Goal: rows, NULLs, several statements, an empty one, an error, a notice, a notification.
  auto* connection = connect();
  run(connection, "select 1, null, 'ä' as text, generate_series(1, 500)");
  run(connection, "select 1; select 2; create temp table t (); drop table t");
  run(connection, "");
  run(connection, "select 1/0");
  run(connection, "do $$begin raise notice 'n' using hint = 'h', detail = 'd'; end$$");
  run(connection, "listen c; notify c, 'payload'; set timezone = 'UTC'");
  run(connection, "begin; select nothing");
  PQfinish(connection);
  expect_all_the_same({"Query", "DataRow", "EmptyQueryResponse", "ErrorResponse", "NoticeResponse",
                       "NotificationResponse", "ParameterStatus", "BackendKeyData", "Terminate"});
}

TEST_P(WireLive, the_extended_protocol_and_pipelines) {
  // Goal: names, types, formats, describing, row limits by a cursor, errors within a pipeline.
  auto* connection = connect();
  const char* values[] = {"7", nullptr};
  PQclear(PQexecParams(connection, "select $1::int, $2::text", 2, nullptr, values, nullptr, nullptr,
                       1));
  PQclear(PQprepare(connection, "s", "select $1::bigint where false", 0, nullptr));
  PQclear(PQdescribePrepared(connection, "s"));
  PQclear(PQexecPrepared(connection, "s", 1, values, nullptr, nullptr, 0));
  run(connection, "begin; declare c cursor for select 1");
  PQclear(PQdescribePortal(connection, "c"));
  run(connection, "commit");
  PQenterPipelineMode(connection);
  PQsendQueryParams(connection, "set a.b = 'c'", 0, nullptr, nullptr, nullptr, nullptr, 0);
  PQsendQueryParams(connection, "select 1/0", 0, nullptr, nullptr, nullptr, nullptr, 0);
  PQsendFlushRequest(connection);
  PQpipelineSync(connection);
  for (bool ended = false; !ended;)
    if (auto* result = PQgetResult(connection)) {
      ended = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
      PQclear(result);
    }
  PQfinish(connection);
  expect_all_the_same({"Parse", "Bind", "Describe", "Execute", "Sync", "Flush", "NoData",
                       "ParameterDescription", "RowDescription", "ParseComplete", "BindComplete"});
}

TEST_P(WireLive, copies_in_every_direction) {
  // Goal: psql's \copy both ways, a COPY given up half way, and replication's both ways.
  auto* connection = connect();
  run(connection, "create table c as select g, repeat('x', g) from generate_series(1, 2000) g");
  run(connection, "copy c from stdin");
  PQputCopyData(connection, "1\tx\n", 4);
  PQputCopyEnd(connection, "no more");
  while (auto* result = PQgetResult(connection)) PQclear(result);
  PQfinish(connection);
  const auto rows = (server_->temp_dir() / "rows").string();
  const auto log = server_->temp_dir() / "psql.log";
  std::ofstream(rows).close();
  give_to_server(rows);
  run_child({"/usr/bin/psql", conninfo(), "-Xc", "\\copy c to '" + rows + "' (format binary)", "-c",
             "\\copy c from '" + rows + "' (format binary)"},
            log);
  auto* stream = PQconnectdb((conninfo() + " replication=true").c_str());
  const auto from = server_->query("select pg_current_wal_flush_lsn()");
  run(stream, ("START_REPLICATION PHYSICAL " + from).c_str());
  PQfinish(stream);
  expect_all_the_same({"CopyInResponse", "CopyOutResponse", "CopyBothResponse", "CopyData",
                       "CopyDone", "CopyFail"});
}

TEST_P(WireLive, large_objects_and_cancels) {
  // Goal: FunctionCall as libpq's large objects use it, and a cancel on its own connection.
  auto* connection = connect();
  run(connection, "begin");
  const auto object = lo_creat(connection, INV_READ | INV_WRITE);
  const auto handle = lo_open(connection, object, INV_READ | INV_WRITE);
  const std::string text(100'000, 'l');
  EXPECT_EQ(lo_write(connection, handle, text.data(), text.size()), 100'000);
  lo_lseek(connection, handle, 0, SEEK_SET);
  std::string back(text.size(), '\0');
  EXPECT_GT(lo_read(connection, handle, back.data(), back.size()), 0);
  lo_close(connection, handle);
  run(connection, "commit");
  auto* cancel = PQgetCancel(connection);
  std::array<char, 256> error{};
  EXPECT_EQ(PQcancel(cancel, error.data(), error.size()), 1) << error.data();
  PQfreeCancel(cancel);
  PQfinish(connection);
  expect_all_the_same({"FunctionCall", "FunctionCallResponse", "CancelRequest"});
}

TEST_P(WireLive, a_benchmark_with_prepared_statements) {
  // Goal: thousands of messages of pgbench, prepared and simple.
  const auto log = server_->temp_dir() / "pgbench.log";
  const std::vector<std::string> common = {"-h127.0.0.1", "-Upostgres",
                                           "-p" + std::to_string(tap_->port())};
  const auto bench = [&](std::vector<std::string> argv) {
    argv.insert(argv.begin(), "/usr/lib/postgresql/15/bin/pgbench");
    argv.insert(argv.end(), common.begin(), common.end());
    argv.emplace_back("postgres");
    run_child(argv, log);
  };
  bench({"-iqs1"});
  bench({"-Mprepared", "-c2", "-T1"});
  bench({"-Msimple", "-S", "-t200"});
  expect_all_the_same({"Bind", "DataRow", "CommandComplete", "ReadyForQuery"});
}

}  // namespace
}  // namespace pgkeel::test
