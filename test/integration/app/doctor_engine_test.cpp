// doctor where the container engine is the trouble: what it says, and how soon.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <nlohmann/json.hpp>

#include "integration/app/binary.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::test {
namespace {

namespace fs = std::filesystem;

constexpr int kCritical = 1;

// A socket that takes calls and answers none: a daemon that was stopped, or waits for its disk.
class SilentEngine {
 public:
  explicit SilentEngine(const fs::path& path)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* plain = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(::bind(fd_.get(), plain, sizeof address), 0);
    EXPECT_EQ(::listen(fd_.get(), SOMAXCONN), 0);
  }

 private:
  runtime::Fd fd_;
};

TEST(DoctorAndEngine, OneThatHangsIsNamedSoon) {
  // Goal: C2 D2: no guard ever ran here, the engine takes calls and answers none: named within
  // seconds, with what was not seen, instead of an error.
  Binary binary;
  const SilentEngine engine(binary.dir() / "engine.sock");
  binary.write("pgkeel.toml", "state_dir = \"" + (binary.dir() / "state").string() +
                                  "\"\n[instance]\nkind = \"container\"\ncontainer = \"shop\"\n"
                                  "engine_socket = \"" +
                                  (binary.dir() / "engine.sock").string() + "\"\n");
  const auto ran =
      binary.run({"doctor", "--json", "--config", (binary.dir() / "pgkeel.toml").string()});
  EXPECT_EQ(ran.exit_code, kCritical) << ran.err;
  const auto report = nlohmann::json::parse(ran.out, nullptr, false);
  ASSERT_TRUE(report.is_object()) << ran.out;
  EXPECT_EQ(report["verdict"]["cause"], "engine_unreachable") << report.dump(2);
}

}  // namespace
}  // namespace pgkeel::test
