// The archive as a person uses it: the real binary, a real server, a directory as the store. Every
// test ends by looking at restored data.
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <future>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "integration/app/background.hpp"
#include "integration/app/binary.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class Archive : public testing::Test {
 protected:
  void SetUp() override { configure("state"); }

  void configure(const std::string& state) {
    binary_.write("pgkeel.toml",
                  "state_dir = \"" + state + "\"\n[instance]\nkind = \"managed\"\ndata_dir = \"" +
                      (data_dir_.empty() ? server_.data_dir() : data_dir_).string() +
                      "\"\n[archive]\nstore = \"store\"\ndrill_dir = \"drill\"\n" + extra_);
  }
  Ran run(std::vector<std::string> args) { return binary_.run(args); }
  json ok(std::vector<std::string> args) {
    args.emplace_back("--json");
    const auto ran = run(args);
    EXPECT_EQ(ran.exit_code, 0) << ran.err << ran.out;
    return json::parse(ran.out, nullptr, false);
  }
  std::string backup() { return ok({"backup", "now"}).value("backup", ""); }
  fs::path store() const { return binary_.dir() / "store"; }

  /// Everything committed so far has reached the archive's disk.
  void await_received() { await_received(server_); }
  void await_received(PostgresServer& server) {
    const auto lsn = server.query("select pg_current_wal_flush_lsn()");
    const auto timeline = server.query("select timeline_id from pg_control_checkpoint()");
    ASSERT_TRUE(wait_until([&] {
      std::ifstream file(binary_.dir() / "state" / "receive.json");
      const auto status = json::parse(file, nullptr, false);
      return status.is_object() && std::to_string(status.value("timeline", 0)) == timeline &&
             server.query("select '" + status.value("flushed_lsn", "0/0") + "'::pg_lsn >= '" + lsn +
                          "'") == "t";
    }));
  }
  fs::path restored(const std::string& name, std::vector<std::string> more = {}) {
    auto into = binary_.dir() / name;
    std::vector<std::string> args{"restore", "--into", into.string()};
    args.insert(args.end(), more.begin(), more.end());
    result_ = ok(std::move(args));
    return into;
  }
  std::string dump(const PostgresServer& server) {
    const auto file = server.temp_dir() / "dump.sql";
    fs::remove(file);
    run_child({(server.bin_dir() / "pg_dumpall").string(), "-h", server.socket_dir().string(), "-p",
               std::to_string(server.port()), "-U", "postgres"},
              file);
    std::ifstream in(file);
    std::string text;
    for (std::string line; std::getline(in, line);)  // two of its lines hold a random key
      if (!line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")) text += line + "\n";
    return text;
  }

  PostgresServer server_;
  Binary binary_;
  fs::path data_dir_;  ///< of another server than server_
  std::string extra_;
  json result_;
};

TEST_F(Archive, TheRestoredClusterIsTheSame) {
  // Goal: a backup under a tablespace, a table larger than a page, later commits: everything is in
  // the restored cluster, and pg_dumpall of both is equal (C3 D10 X4).
  const auto space = server_.temp_dir() / "space";
  fs::create_directory(space);
  give_to_server(space);
  static_cast<void>(server_.rows("create tablespace fast location '" + space.string() + "'"));
  static_cast<void>(server_.rows(
      "create table orders (id int primary key, note text) tablespace fast;"
      "insert into orders select g, repeat('x', g % 3000) from generate_series(1, 5000) g;"
      "create unlogged table carts (id int)"));
  Background receiver(binary_, {"receive"});
  backup();
  static_cast<void>(
      server_.rows("insert into orders select g, 'later' from "
                   "generate_series(5001, 6000) g"));
  await_received();
  const auto into = restored("restored");
  PostgresServer copy({.copy_of = into});
  EXPECT_EQ(copy.query("select count(*) from orders"), "6000");
  const auto original = dump(server_);
  auto copied = dump(copy);
  const auto moved = (into.string() + "-tablespaces/");
  const auto at = copied.find(moved);
  ASSERT_NE(at, std::string::npos);
  copied.replace(at, copied.find('\'', at) - at, space.string());
  EXPECT_EQ(copied, original);
}

TEST_F(Archive, WhatAKilledServerHadIsRestored) {
  // Goal: a backup under load, tables emptied, dropped and made again, SIGKILL: the restored
  // cluster equals the server after its own crash recovery (C3 D10 X4).
  const auto pgbench = [this](std::vector<std::string> more) {
    std::vector<std::string> argv{(server_.bin_dir() / "pgbench").string(),
                                  "-h",
                                  server_.socket_dir().string(),
                                  "-p",
                                  std::to_string(server_.port()),
                                  "-U",
                                  "postgres"};
    argv.insert(argv.end(), more.begin(), more.end());
    argv.emplace_back("postgres");
    run_child(argv, server_.temp_dir() / "pgbench.log");
  };
  pgbench({"-i", "-q"});
  static_cast<void>(
      server_.rows("create table gone as select generate_series(1, 10000) n;"
                   "create table emptied as select generate_series(1, 10000) n"));
  Background receiver(binary_, {"receive"});
  auto load = std::async(std::launch::async, [&] { pgbench({"-n", "-c", "4", "-t", "500"}); });
  backup();
  static_cast<void>(
      server_.rows("truncate emptied; insert into emptied values (1); drop table gone;"
                   "create table gone (other text); insert into gone values ('made again')"));
  static_cast<void>(
      server_.rows("begin; truncate emptied; create table never (n int);"
                   "insert into never values (1); rollback"));
  load.get();
  await_received();
  server_.kill9();
  server_.await_processes_gone();
  const PostgresServer copy({.copy_of = restored("restored")});
  server_.start();
  EXPECT_EQ(copy.query("select count(*) from pgbench_history"), "2000");
  EXPECT_EQ(copy.query("select n from emptied"), "1");
  EXPECT_EQ(dump(copy), dump(server_));
}

TEST_F(Archive, ABackupWithoutItsLabelIsNoBackup) {
  // Goal: a copy whose backup_label was lost would be started from the wrong checkpoint and be
  // quietly corrupt; however well its shard looks otherwise, it is refused by its manifest (X4).
  const auto label = backup();
  const auto place = store() / "backups" / label;
  const auto figures = binary_.dir() / "figures";
  // It is the first, of less than a block: `tar --delete` spoils what follows in some layouts.
  const auto line = fmt::format(
      "cd {} && zstd -dcq data/00000.tar.zst >t && tar tf t | sed -n 1p | grep -qx backup_label && "
      "tail -c +1025 t >u && mv u t && "
      "zstd -qf t -o data/00000.tar.zst && (sha256sum t data/00000.tar.zst | cut -c1-64; "
      "stat -c %s t data/00000.tar.zst) >{} && rm t",
      place.string(), figures.string());
  ASSERT_EQ(std::system(line.c_str()), 0) << line;
  std::ifstream said(figures);
  std::string plain_sha;
  std::string sha;
  std::uint64_t plain_bytes = 0;
  std::uint64_t bytes = 0;
  said >> plain_sha >> sha >> plain_bytes >> bytes;
  ASSERT_GT(bytes, 0U);
  auto record = json::parse(std::ifstream(place / "backup.json"));
  auto& object = record["shards"][0];
  ASSERT_TRUE(object.contains("plain_sha256")) << record;
  object["plain_sha256"] = plain_sha;
  object["sha256"] = sha;
  object["plain_bytes"] = plain_bytes;
  object["stored_bytes"] = bytes;
  std::ofstream(place / "backup.json") << record.dump(2);
  const auto refused = run({"restore", "--into", "restored"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("backup_label"));
  EXPECT_FALSE(fs::exists(binary_.dir() / "restored/global/pg_control"));
  EXPECT_EQ(run({"backup", "verify"}).exit_code, 1);
}

TEST_F(Archive, EveryTargetIsMetOrNamed) {
  // Goal: latest, time, position, transaction, name, inclusive and not; what cannot be reached is
  // an error with the nearest moment (D10).
  static_cast<void>(server_.rows("create table t (n int)"));
  Background receiver(binary_, {"receive"});
  backup();
  static_cast<void>(server_.rows("insert into t values (1)"));
  const auto time = server_.query("select now()");
  static_cast<void>(server_.rows("select pg_create_restore_point('after one')"));
  const auto xid = server_.query(
      "with w as (insert into t values (2) returning n) "
      "select pg_current_xact_id() from w");
  const auto lsn = server_.query("select pg_current_wal_insert_lsn()");
  static_cast<void>(server_.rows("insert into t values (3)"));
  await_received();
  const auto rows_at = [&](const std::string& name, const std::string& target) {
    const PostgresServer copy({.copy_of = restored(name, {"--to", target})});
    return copy.rows("select n from t").size();
  };
  EXPECT_EQ(rows_at("latest", "latest"), 3U);
  EXPECT_EQ(rows_at("time", time), 1U);
  EXPECT_EQ(rows_at("name", "name:after one"), 1U);
  EXPECT_EQ(rows_at("xid", "xid:" + xid), 2U);
  EXPECT_EQ(rows_at("before", "before:xid:" + xid), 1U);
  EXPECT_EQ(rows_at("lsn", lsn), 2U);
  const auto early = run({"restore", "--into", "early", "--to", "2020-01-01T00:00:00Z"});
  EXPECT_EQ(early.exit_code, 3);
  EXPECT_THAT(early.err, HasSubstr("The earliest moment that can be restored is"));
  const auto late = run({"restore", "--into", "late", "--to", "FF/0"});
  EXPECT_EQ(late.exit_code, 3);
  EXPECT_THAT(late.err, HasSubstr("the archive's WAL ends at"));
  const auto never = run({"restore", "--into", "never", "--to", "name:nobody made it"});
  EXPECT_NE(never.exit_code, 0);
  EXPECT_THAT(never.err, HasSubstr("is not in the WAL that follows backup"));
  const auto tomorrow = run({"restore", "--into", "tomorrow", "--to", "2100-01-01T00:00:00Z"});
  EXPECT_EQ(tomorrow.exit_code, 3);
  EXPECT_THAT(tomorrow.err, HasSubstr("which ends with a transaction of 20"));
  EXPECT_EQ(run({"restore", "--into", "latest"}).exit_code, 4) << "never over what is there";
}

TEST_F(Archive, EveryBranchCanBeRestored) {
  // Goal: the server goes back in time twice and is archived on; the newest branch is what a
  // restore brings, never mixed with one that was left, and those can be had by name (D10).
  static_cast<void>(server_.rows("create table t (n int)"));
  std::optional<Background> receiver(std::in_place, binary_, std::vector<std::string>{"receive"});
  const auto oldest = backup();
  static_cast<void>(server_.rows("insert into t values (1)"));
  static_cast<void>(server_.rows("select pg_create_restore_point('one')"));
  static_cast<void>(server_.rows("insert into t values (2)"));
  static_cast<void>(server_.rows("select pg_create_restore_point('two')"));
  std::string on_first;
  ASSERT_TRUE(wait_until([&] {  // labels are seconds: this one has to be over
    const auto ran = run({"backup", "now", "--json"});
    if (ran.exit_code == 0) on_first = json::parse(ran.out).value("backup", "");
    return ran.exit_code == 0;
  }));
  static_cast<void>(server_.rows("insert into t values (3); select pg_switch_wal()"));
  static_cast<void>(server_.rows("insert into t values (4)"));
  await_received();
  receiver.reset();
  server_.stop();
  const auto early = run({"restore", "--into", "early", "--to", "name:one"});
  EXPECT_THAT(early.err, HasSubstr("'--backup " + oldest + "' starts from the one before"));
  const auto go_back = [&](const std::string& point, const std::string& row) {
    data_dir_ = restored("at " + point, {"--to", "name:" + point, "--backup", oldest});
    auto server = std::make_unique<PostgresServer>(PostgresOptions{.copy_of = data_dir_});
    data_dir_ = server->data_dir();
    configure("state");
    receiver.emplace(binary_, std::vector<std::string>{"receive"});
    static_cast<void>(server->rows("insert into t values (" + row + ")"));
    await_received(*server);
    receiver.reset();
    return server;
  };
  const auto rows_of = [&](const std::string& name, const std::vector<std::string>& more) {
    const PostgresServer copy({.copy_of = restored(name, more)});
    return copy.query("select string_agg(n::text, ' ' order by n) from t");
  };
  const auto second = go_back("two", "20");
  EXPECT_EQ(rows_of("second", {}), "1 2 20");
  EXPECT_EQ(result_["abandoned"]["timeline"], 1);
  EXPECT_EQ(rows_of("first", {"--timeline", "1"}), "1 2 3 4");
  EXPECT_EQ(rows_of("named", {"--backup", on_first}), "1 2 3 4");
  const auto refused = run({"restore", "--into", "no", "--backup", on_first, "--timeline", "2"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("'--timeline 1' restores the branch of that backup"));
  const auto third = go_back("one", "30");
  EXPECT_EQ(rows_of("third", {}), "1 30");
  EXPECT_EQ(rows_of("second again", {"--timeline", "2"}), "1 2 20");
  ok({"backup", "verify"});
}

TEST_F(Archive, PreparedTransactionsSurvive) {
  // Goal: transactions prepared before the backup and after it, by a server that was given more
  // room for them meanwhile, are there after a restore and can be ended either way (D10 X4).
  server_.append_config("max_prepared_transactions = 1\n");
  server_.restart();
  static_cast<void>(server_.rows("create table t (n int)"));
  const auto prepare = [&](const std::string& row, const std::string& name) {
    static_cast<void>(server_.rows("begin; insert into t values (" + row +
                                   "); prepare transaction '" + name + "'"));
  };
  prepare("1", "before");
  backup();
  server_.append_config("max_prepared_transactions = 10\n");
  server_.restart();
  Background receiver(binary_, {"receive"});
  prepare("2", "after");
  prepare("4", "unwanted");
  await_received();
  PostgresServer copy(
      {.settings = {{"max_prepared_transactions", "10"}}, .copy_of = restored("restored")});
  EXPECT_EQ(copy.query("select string_agg(gid, ' ' order by gid) from pg_prepared_xacts"),
            "after before unwanted");
  static_cast<void>(copy.rows("commit prepared 'before'"));
  static_cast<void>(copy.rows("commit prepared 'after'"));
  static_cast<void>(copy.rows("rollback prepared 'unwanted'"));
  EXPECT_EQ(copy.query("select sum(n) from t"), "3");
}

TEST_F(Archive, ADrillProvesAndDamageIsFound) {
  // Goal: nothing is green before a drill; a flipped bit is found, located and fails the drill
  // (C3 D17 X4).
  static_cast<void>(server_.rows("create table t as select generate_series(1, 1000) n"));
  const auto label = backup();
  EXPECT_FALSE(ok({"backup", "list"})["backups"][0]["proven"]);
  const auto drill = ok({"backup", "drill"});
  EXPECT_EQ(drill["rows"]["postgres.public.t"], 1000);
  EXPECT_TRUE(ok({"backup", "list"})["backups"][0]["proven"]);
  EXPECT_EQ(ok({"backup", "verify"})["backups"][0]["damage"].size(), 0U);
  const auto shard = store() / "backups" / label / "data" / "00000.tar.zst";
  {
    std::fstream file(shard, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(fs::file_size(shard) / 2));
    const char flipped = static_cast<char>(file.peek() ^ 1);
    file.seekp(file.tellg());
    file.put(flipped);
  }
  const auto verify = run({"backup", "verify"});
  EXPECT_EQ(verify.exit_code, 1);
  EXPECT_THAT(verify.out, HasSubstr("DAMAGED  backups/" + label + "/data/00000.tar.zst"));
  const auto failed = run({"backup", "drill"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.out, HasSubstr("FAILED"));
  EXPECT_FALSE(ok({"backup", "list"})["backups"][0]["proven"]);
  EXPECT_EQ(server_.query("select count(*) from t"), "1000");
}

TEST_F(Archive, AnInvariantThatDoesNotHoldFailsTheDrill) {
  // Goal: the user's own question decides as well (D17).
  extra_ = "[[invariant]]\ndatabase = \"postgres\"\nsql = \"select 0\"\nexpect = \"> 0\"\n";
  configure("state");
  backup();
  const auto failed = run({"backup", "drill"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.out, HasSubstr("is 0"));
}

TEST_F(Archive, SealedBackupsNeedTheirKey) {
  // Goal: with a key nothing readable is stored, and a wrong key is told from damage (X4).
  binary_.write("key", std::string(64, 'a') + "\n");
  fs::permissions(binary_.dir() / "key", fs::perms(0600));
  extra_ = "encryption_key_file = \"key\"\n";
  configure("state");
  const auto label = backup();
  EXPECT_TRUE(fs::exists(store() / "backups" / label / "data" / "00000.tar.zst.sealed"));
  ok({"backup", "drill"});
  binary_.write("key", std::string(64, 'b') + "\n");
  const auto wrong = run({"backup", "verify"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err + wrong.out, HasSubstr("key"));
  EXPECT_THAT(wrong.out, testing::Not(HasSubstr("DAMAGED")));
}

TEST_F(Archive, ACloneArchivesAndExpiresNothing) {
  // Goal: a second state directory over the same store is refused and changes nothing, until a
  // person says that it is the one (X8).
  backup();
  configure("clone");
  const auto before = binary_.listing();
  const auto refused = run({"backup", "now"});
  EXPECT_EQ(refused.exit_code, 4) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("take-over"));
  EXPECT_EQ(run({"backup", "expire", "--yes"}).exit_code, 4);
  EXPECT_EQ(ok({"backup", "list"})["backups"].size(), 1U);
  EXPECT_EQ(run({"backup", "take-over"}).exit_code, 4) << "asks for --yes";
  ok({"backup", "take-over", "--yes"});
  ok({"backup", "expire", "--yes"});
}

TEST_F(Archive, TheOffsiteCopyRestoresByItself) {
  // Goal: a drill of the copy reads only the copy, with the first store gone (C3 D11 D17 X4).
  extra_ = "[archive.offsite]\nstore = \"offsite\"\n";
  configure("state");
  static_cast<void>(server_.rows("create table t as select generate_series(1, 1000) n"));
  backup();
  EXPECT_GT(ok({"backup", "copy"})["objects"], 0);
  EXPECT_EQ(ok({"backup", "copy"})["objects"], 0);
  fs::rename(store(), binary_.dir() / "away");
  const auto drill = ok({"backup", "drill", "--offsite"});
  EXPECT_EQ(drill["rows"]["postgres.public.t"], 1000);
  const auto copy_only = restored("from_copy", {"--offsite"});
  const PostgresServer copy({.copy_of = copy_only});
  EXPECT_EQ(copy.query("select count(*) from t"), "1000");
}

// A record over the edge between two segments, of which the server has flushed the first part
// alone.
class CutRecord : public Archive {
 protected:
  void SetUp() override {
    Archive::SetUp();
    server_.append_config(
        "wal_buffers = '64kB'\nwal_writer_delay = '10ms'\nlog_min_messages = 'log'\n");
    server_.restart();
  }
  /// The end of the segment that is written now, as the server writes it.
  std::string edge() {
    return server_.query(
        "select '0/0'::pg_lsn + 16777216 * (div(pg_current_wal_insert_lsn() - '0/0', 16777216) + "
        "1)");
  }
  void write_message(std::int64_t bytes) {
    static_cast<void>(server_.rows("select pg_logical_emit_message(false, 'long', repeat('x', " +
                                   std::to_string(bytes) + "))"));
  }
  [[nodiscard]] std::string received() const {
    const auto status =
        json::parse(std::ifstream(binary_.dir() / "state" / "receive.json"), nullptr, false);
    return status.is_object() ? status.value("flushed_lsn", "") : "";
  }
  /// SIGKILL to all of the server, the suspended one included.
  void kill_everything(pid_t suspended) {
    server_.kill9();
    ::kill(suspended, SIGKILL);
    server_.await_processes_gone();
  }
  /// What was written behind the edge and never flushed, as after a loss of power.
  void lose_segment(const std::string& name) {
    const auto file = server_.data_dir() / "pg_wal" / name;
    ASSERT_TRUE(fs::exists(file)) << file;
    fs::resize_file(file, 0);
    fs::resize_file(file, 16U << 20U);
  }
  std::string records_of(const std::string& name) {
    const auto said = server_.temp_dir() / "records";
    const auto line = fmt::format("{}/pg_waldump {} >{} 2>&1; true", server_.bin_dir().string(),
                                  (server_.data_dir() / "pg_wal" / name).string(), said.string());
    static_cast<void>(std::system(line.c_str()));
    std::ifstream in(said);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
};

TEST_F(CutRecord, IsFollowedWhereTheServerOverwroteIt) {
  // Goal: the server dies in the middle of a record whose first part ends a segment that was
  // streamed; it overwrites the rest. The archive follows without a gap, and what is restored from
  // it, over the cut, is the server (C3 D7 X4).
  static_cast<void>(server_.rows("create table t as select generate_series(1, 1000) n"));
  Background receiver(binary_, {"receive"});
  backup();
  static_cast<void>(server_.rows("select pg_switch_wal()"));
  const auto writer = static_cast<pid_t>(
      std::stol(server_.query("select pid from pg_stat_activity where backend_type = "
                              "'walwriter'")));
  ASSERT_EQ(::kill(writer, SIGSTOP), 0);
  write_message(15 << 20);
  const auto end = edge();
  const auto behind = server_.query("select pg_walfile_name('" + end + "'::pg_lsn + 1)");
  write_message(3 << 20);
  ASSERT_NE(edge(), end);
  ASSERT_TRUE(wait_until([&] { return received() == end; })) << received() << " of " << end;
  kill_everything(writer);
  ASSERT_EQ(received(), end) << "what was reported flushed may not be lost";
  ASSERT_NO_FATAL_FAILURE(lose_segment(behind));
  server_.start();
  EXPECT_THAT(records_of(behind), HasSubstr("OVERWRITE_CONTRECORD"));
  static_cast<void>(server_.rows("insert into t select generate_series(1001, 2000)"));
  static_cast<void>(server_.rows("select pg_switch_wal()"));
  static_cast<void>(server_.rows("insert into t values (2001)"));
  await_received();
  const PostgresServer copy({.copy_of = restored("restored")});
  EXPECT_TRUE(result_["gap"].is_null()) << result_;
  EXPECT_EQ(copy.query("select count(*) from t"), "2001");
  EXPECT_EQ(dump(copy), dump(server_));
  EXPECT_EQ(run({"backup", "verify"}).exit_code, 0);
  EXPECT_TRUE(ok({"backup", "drill"})["holds"]);
}

TEST_F(Archive, WalFetchNeverTakesTroubleForTheEnd) {
  // Goal: "no more WAL" is exit 1; a gap or a store that is away stops the replay instead (D10).
  backup();
  const std::string none = "0000000100000000000000F0";
  EXPECT_EQ(run({"wal-fetch", none, "out"}).exit_code, 1);
  std::vector<fs::path> segments;
  for (const auto& entry : fs::directory_iterator(store() / "wal" / "0000000100000000"))
    segments.push_back(entry.path());
  std::ranges::sort(segments);
  ASSERT_GE(segments.size(), 2U);
  const auto first = segments.front().filename().string().substr(0, 24);
  EXPECT_EQ(run({"wal-fetch", first, "out"}).exit_code, 0);
  EXPECT_EQ(fs::file_size(binary_.dir() / "out"), 16U << 20U);
  fs::remove(segments.front());
  const auto gap = run({"wal-fetch", first, "gone"});
  EXPECT_GT(gap.exit_code, 125);
  EXPECT_THAT(gap.err, HasSubstr("gap"));
  EXPECT_FALSE(fs::exists(binary_.dir() / "gone"));
  fs::rename(store(), binary_.dir() / "away");
  EXPECT_GT(run({"wal-fetch", first, "gone"}).exit_code, 125);
}

}  // namespace
}  // namespace pgkeel::test
