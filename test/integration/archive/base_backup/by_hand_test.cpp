#include <gmock/gmock.h>
#include <algorithm>
#include <fstream>

#include "archive/by_hand/by_hand.hpp"
#include "archive/catalog/layout.hpp"
#include "archive/codec/encoded.hpp"
#include "integration/archive/base_backup/fixture.hpp"
#include "support/child.hpp"

namespace pgkeel::archive {
namespace {

using test::PostgresOptions;
using test::PostgresServer;
using test::shell;
namespace fs = std::filesystem;

// No pgkeel on it, whatever the tests are run with.
constexpr const char* kPlainPath = "export PATH=/usr/bin:/bin\n";

/// A server with what is hard to bring back, and a backup of it; writing goes on after the backup.
class ByHandTest : public testing::Test {
 protected:
  ByHandTest() : server_({.settings = test::archiving_to("../archived")}) {
    shell("mkdir -p " + path("space") + " " + path("archived"));
    server_.query("CREATE TABLESPACE fast LOCATION '" + path("space") + "'");
    server_.query(
        "CREATE TABLE ledger TABLESPACE fast AS SELECT i, md5(i::text) AS t "
        "FROM generate_series(1, 50000) i; CREATE INDEX ON ledger (t); CREATE ROLE clerk");
    server_.query("CREATE DATABASE shop");
    server_.query("CREATE TABLE orders AS SELECT i FROM generate_series(1, 1000) i", "shop");
    store_ = test::store_beside(server_);
  }
  [[nodiscard]] std::string path(std::string_view name) const {
    return (server_.temp_dir() / name).string();
  }
  [[nodiscard]] std::string store_path() const { return test::store_dir(server_).string(); }

  Backup back_up(const std::optional<ArchiveKey>& key) {
    auto request = test::request_for(server_, *store_);
    request.encoding.key = key;
    auto backup = make_base_backup(request);
    if (!backup) throw std::runtime_error(backup.error().message());
    server_.query("INSERT INTO orders SELECT generate_series(1001, 2000)", "shop");
    server_.query("CREATE TABLE later TABLESPACE fast AS SELECT 1 AS one");
    test::await_archived(server_, path("archived"));
    test::give_to_server(store_path());
    shell_as_root("chown -R --reference=" + server_.data_dir().string() + " " + store_path());
    return *backup;
  }
  static void shell_as_root(const std::string& script) {
    ASSERT_EQ(std::system(script.c_str()), 0) << script;
  }
  /// WAL of the server as the receiver would have stored it.
  void store_wal(const Encoding& encoding) {
    for (const auto& entry : fs::directory_iterator(server_.temp_dir() / "archived")) {
      const auto name = entry.path().filename().string();
      const auto segment = pg::parse_segment_name(name, pg::kDefaultWalSegmentBytes);
      if (!segment) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(file), {}};
      auto writer = EncodedWriter::create(
          *store_, wal_key(*segment, pg::kDefaultWalSegmentBytes, sha_of(entry.path())), encoding,
          Replace::Never);
      ASSERT_TRUE(writer);
      ASSERT_TRUE(writer.value()->write(std::as_bytes(std::span(content))));
      ASSERT_TRUE(writer.value()->finish());
    }
    shell_as_root("chown -R --reference=" + server_.data_dir().string() + " " + store_path());
  }
  [[nodiscard]] std::string restore_arguments(const Backup& backup) const {
    return "restore " + store_path() + " " + test::kLabel + " " + path("restored") +
           " --tablespace " + std::to_string(backup.tablespaces.at(0).oid.value) + "=" +
           path("space2");
  }
  static std::string sha_of(const fs::path& file) {
    return shell("sha256sum <" + file.string() + " | cut -c 1-64 | tr -d '\\n'");
  }
  std::string dump_of(const PostgresServer& server) {
    return shell(server.bin_dir().string() + "/pg_dumpall -h 127.0.0.1 -U postgres -p " +
                 std::to_string(server.port()) +
                 " | grep -v -e LOCATION -e '^.restrict' -e '^.unrestrict'");
  }
  /// Starts a server on the restored directory and compares everything in it.
  void expect_equal(const std::string& restored, bool recovery) {
    const auto expected = dump_of(server_);
    server_.stop();
    shell("rm -f " + restored + "/postmaster.* && touch " + restored + "/log" +
          (recovery ? " && touch " + restored + "/recovery.signal" : ""));
    PostgresServer copy({.settings = {{"archive_mode", "off"}}, .copy_of = restored});
    ASSERT_TRUE(test::wait_until([&] { return copy.query("SELECT pg_is_in_recovery()") == "f"; }));
    const auto found = dump_of(copy);
    const auto differs = std::ranges::mismatch(found, expected).in1 - found.begin();
    EXPECT_TRUE(found == expected) << found.substr(static_cast<std::size_t>(differs), 200);
    EXPECT_EQ(copy.query("SELECT count(*) FROM orders", "shop"), "2000");
    EXPECT_TRUE(fs::exists(server_.temp_dir() / "space2" / "PG_15_202209061"));
  }

  PostgresServer server_;
  std::unique_ptr<Store> store_;
};

TEST_F(ByHandTest, TwoProgramsUnpackABackup) {
  // Goal: the recipe of README.txt, zstd and tar alone, ends in a server with everything the other
  // one has, the WAL being put into pg_wal (D10 D15).
  back_up({});
  shell(kPlainPath + ("cd " + path("")) + R"(
mkdir -m 700 restored space2
for shard in store/backups/20261121T030000Z/data/*.tar.zst; do zstd -dc "$shard" | tar -xpf - -C restored; done
for shard in store/backups/20261121T030000Z/tablespace-*/*.tar.zst; do zstd -dc "$shard" | tar -xpf - -C space2; done
sed -i "s# .*# $PWD/space2#" restored/tablespace_map
cp archived/0000* restored/pg_wal/)");
  expect_equal(path("restored"), false);
}

TEST_F(ByHandTest, TheScriptRestoresAnEncryptedStore) {
  // Goal: restore-by-hand.sh from the store alone opens, checks and unpacks an encrypted backup,
  // and serves its WAL as restore_command (D10 D15 E7).
  const auto key = generate_key();
  const Encoding encoding{.level = 3, .threads = 0, .key = key};
  const auto backup = back_up(key);
  store_wal(encoding);
  shell("umask 077; printf '# old\\n%064d\\n%s\\n' 0 " + to_text(key) + " > " + path("key"));
  const auto script = "sh " + store_path() + "/" + kScriptKey + " ";
  EXPECT_EQ(shell(kPlainPath + script + "list " + store_path()), std::string(test::kLabel) + "\n");
  shell(kPlainPath + script + restore_arguments(backup) + " --key " + path("key"));
  // PostgreSQL's own judge, which looks through the link the server would make at its start.
  const auto link =
      path("restored") + "/pg_tblspc/" + std::to_string(backup.tablespaces.at(0).oid.value);
  EXPECT_THAT(shell("ln -s " + path("space2") + " " + link + "; " + server_.bin_dir().string() +
                    "/pg_verifybackup -n -i tablespace_map " + path("restored")),
              testing::HasSubstr("successfully verified"));
  shell("echo \"restore_command = '" + script + "wal " + store_path() + " %f %p --key " +
        path("key") + "'\" >>" + path("restored") + "/postgresql.auto.conf");
  expect_equal(path("restored"), true);
}

TEST_F(ByHandTest, TheScriptStopsAtDamage) {
  // Goal: a flipped bit, a wrong key and a missing segment are said and never skipped (D7 D10).
  const auto key = generate_key();
  const auto backup = back_up(key);
  store_wal({.level = 3, .threads = 0, .key = key});
  shell("umask 077; echo " + to_text(generate_key()) + " > " + path("wrong") + "; echo " +
        to_text(key) + " > " + path("key"));
  const auto script = "sh " + store_path() + "/" + kScriptKey + " ";
  const auto said = [&](const std::string& arguments) {
    return shell(kPlainPath + script + arguments + " 2>&1 || echo status $?");
  };
  const auto restore = restore_arguments(backup);
  EXPECT_THAT(said(restore + " --key " + path("wrong")), testing::HasSubstr("no key with the id"));
  shell("rm -rf " + path("restored") + " " + path("space2") + "; cd " + store_path() +
        "/backups/*/data; printf X | dd of=00000.tar.zst.sealed bs=1 seek=5000 conv=notrunc");
  EXPECT_THAT(said(restore + " --key " + path("key")),
              testing::AllOf(testing::HasSubstr("00000.tar.zst.sealed: FAILED"),
                             testing::HasSubstr("status 200")));
  EXPECT_FALSE(fs::exists(path("restored")));
  const auto first = shell("cd " + store_path() + "/wal/*01*/; ls | head -1 | cut -c 1-24");
  const auto name = first.substr(0, 24);
  shell("rm " + store_path() + "/wal/*/" + name + "-*");
  const auto wal = "wal " + store_path() + " " + name + " " + path("got") + " --key " + path("key");
  EXPECT_THAT(said(wal), testing::AllOf(testing::HasSubstr(name + " is missing"),
                                        testing::HasSubstr("status 200")));
  EXPECT_EQ(said("wal " + store_path() + " 0000000100000000000000FF x"), "status 1\n");
}

}  // namespace
}  // namespace pgkeel::archive
