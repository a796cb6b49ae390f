// Bad input to the binary: one clear line, a hint, the right exit code, and nothing changed.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "integration/app/binary.hpp"

namespace pgkeel::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Bad {
  const char* what;
  const char* file;  // pgkeel.toml
  std::vector<std::string> args;
  int exit_code;
  const char* says;
};

// Two lines on stderr, nothing on stdout.
void expect_one_line(const Ran& ran, const Bad& bad) {
  EXPECT_EQ(ran.exit_code, bad.exit_code) << bad.what << ": " << ran.err;
  EXPECT_THAT(ran.err, StartsWith("pgkeel: ")) << bad.what;
  EXPECT_THAT(ran.err, HasSubstr(bad.says)) << bad.what;
  EXPECT_THAT(ran.err, HasSubstr("\nHINT: ")) << bad.what;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 2) << bad.what << ": " << ran.err;
  EXPECT_EQ(ran.out, "") << bad.what;
}

TEST(BadInput, IsOneLineAHintAndAnExitCode) {
  // Goal: mistyped keys, wrong values, missing files and unknown commands leave everything as it
  // was.
  const std::vector<Bad> cases = {
      {"unknown key",
       "[instance]\ndatadir = \"/pg\"\n",
       {"status"},
       2,
       "unknown key 'instance.datadir' in pgkeel.toml:2, did you mean 'instance.data_dir'?"},
      {"syntax", "mode = act\n", {"guard"}, 2, "pgkeel.toml:1:"},
      {"wrong value", "mode = \"acting\"\n", {"guard"}, 2, "mode = \"acting\" (pgkeel.toml:1)"},
      {"missing data_dir", "[instance]\nkind = \"managed\"\n", {"guard"}, 2, "instance.data_dir"},
      {"state in data",
       "state_dir = \"/pg/s\"\n[instance]\ndata_dir = \"/pg\"\n",
       {"guard"},
       2,
       "inside the data directory"},
      {"missing file", "", {"status", "--config", "nowhere.toml"}, 2, "cannot read nowhere.toml"},
      {"bad flag", "", {"status", "--log-format", "xml"}, 2, "log.format = \"xml\" (--log-format)"},
      {"unknown command", "", {"staus"}, 2, "no command 'staus', did you mean 'status'?"},
      {"no command", "", {}, 2, "pgkeel needs a command"},
      {"unknown option", "", {"status", "--wtach"}, 2, "--wtach"},
      {"bad duration", "", {"pause", "--for", "2"}, 2, "--for '2' is not a duration"},
      {"bad count", "", {"logs", "-n", "x"}, 2, "-n 'x' is not a number"},
      {"no such log", "", {"logs", "receiver"}, 2, "no log 'receiver'"},
      {"too many parts", "", {"undrop", "forget", "shop.public.orders.id"}, 2, "names no table"},
      {"no argument", "", {"undrop", "forget"}, 2, "RELATION"},
      {"no guard: pause", "", {"pause"}, 5, "no guard is running"},
      {"no guard: resume", "", {"resume"}, 5, "no guard is running"},
      {"no guard: unfence", "", {"unfence", "--yes"}, 5, "no guard is running"},
      {"no guard: logs", "", {"logs"}, 5, "no guard is running"},
      {"no guard: incidents", "", {"incident", "list"}, 5, "no guard is running"},
      {"no guard: psql", "", {"psql"}, 5, "no guard is running"},
      {"no guard: status", "", {"status"}, 5, "no guard is running"},
  };
  for (const auto& bad : cases) {
    const Binary binary;
    binary.write("pgkeel.toml", bad.file);
    const auto before = binary.listing();
    expect_one_line(binary.run(bad.args), bad);
    EXPECT_EQ(binary.listing(), before) << bad.what;
  }
}

TEST(BadInput, IsOneObjectWithJson) {
  // Goal: with --json stdout holds the error and stderr stays empty, also for usage errors.
  const Binary binary;
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"pause", "--json"}, {"--json", "staus"}, {"status", "--json", "--nope"}}) {
    const auto ran = binary.run(args);
    EXPECT_EQ(ran.err, "");
    const auto json = nlohmann::json::parse(ran.out, nullptr, false);
    ASSERT_TRUE(json.is_object()) << ran.out;
    EXPECT_EQ(json["error"]["exit"], ran.exit_code);
    EXPECT_FALSE(json["error"]["hint"].get<std::string>().empty());
  }
}

TEST(BadInput, ConfigCheckNamesEverythingAtOnce) {
  // Goal: all problems in one run, keys not in effect named, exit 2; a right file exits 0 (B13).
  const Binary binary;
  binary.write("pgkeel.toml", "moed = 1\nmode = \"x\"\n[gateway]\ncommit_proof = \"on\"\n");
  const auto wrong = binary.run({"config", "check"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("moed"));
  EXPECT_THAT(wrong.err, HasSubstr("mode = \"x\""));
  EXPECT_THAT(wrong.out, HasSubstr("gateway.commit_proof is read, but not in effect yet"));
  binary.write("pgkeel.toml", "mode = \"advise\"\n");
  const auto right = binary.run({"config", "check", "--json"});
  EXPECT_EQ(right.exit_code, 0);
  EXPECT_THAT(right.out, HasSubstr("\"ok\":true"));
}

TEST(BadInput, SecretsStayOutOfEveryOutput) {
  // Goal: neither a right nor a wrong connection string shows its password (B13).
  const Binary binary;
  for (const auto* url : {"postgresql://u:hunter2@h/db", "postgresql://u:hunter2@h:x/db"}) {
    const Environment environment = {{"DATABASE_URL", url}};
    for (const auto& args : std::vector<std::vector<std::string>>{
             {"config", "show"}, {"config", "show", "--json"}, {"config", "check"}, {"status"}}) {
      const auto ran = binary.run(args, environment);
      EXPECT_EQ((ran.out + ran.err).find("hunter2"), std::string::npos) << ran.out << ran.err;
    }
  }
}

TEST(Help, IsThereForEveryCommand) {
  // Goal: --help prints usage and an example and exits 0 whatever else is wrong.
  const Binary binary;
  binary.write("pgkeel.toml", "broken =");
  for (const auto* command : {"guard", "status", "pause", "psql", "logs", "demo"}) {
    const auto ran = binary.run({command, "--help"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_THAT(ran.out, HasSubstr("example:\n  pgkeel "));
    EXPECT_EQ(ran.out.find('\033'), std::string::npos);
  }
  EXPECT_THAT(binary.run({"--version"}).out, StartsWith("pgkeel "));
}

}  // namespace
}  // namespace pgkeel::test
