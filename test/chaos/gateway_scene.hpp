// A guard with a gateway in front of its server.
#pragma once

#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/gateway/guard_link.hpp"
#include "chaos/chaos.hpp"
#include "runtime/lock_note.hpp"
#include "runtime/process.hpp"
#include "support/libpq_session.hpp"

namespace pgkeel::chaos {

class GatewayScene : public testing::Test {
 protected:
  explicit GatewayScene(std::filesystem::path program = PGKEEL_BINARY)
      : port_(test::free_port()),
        scene_(build_scene({{"PGKEEL_GATEWAY_LISTEN", fmt::format("127.0.0.1:{}", port_)},
                            {"PGKEEL_GATEWAY_POOL", "transaction"},
                            {"PGKEEL_GATEWAY_SIZE", "3"}},
                           {}, std::move(program))) {}
  void SetUp() override {
    ASSERT_TRUE(scene_.stage);
    ASSERT_TRUE(stage().sql("shop", "create role app login password 'right'"));
    ASSERT_TRUE(stage().sql("shop", "grant all on all tables in schema public to app"));
  }
  app::Stage& stage() { return *scene_.stage; }
  std::string url(const std::string& password = "right") const {
    return fmt::format(
        "host=127.0.0.1 port={} dbname=shop user=app password={} gssencmode=disable "
        "connect_timeout=30",
        port_, password);
  }
  // Of the gateway that runs and is not `other`; 0: none does.
  pid_t await_gateway(pid_t other = 0) {
    pid_t pid = 0;
    const auto is_there = [&] {
      pid = runtime::noted_pid(stage().config().state_dir / app::kGatewayLockFile).value_or(0);
      return pid > 0 && pid != other && ::kill(pid, 0) == 0 && test::refusal_of(url()).empty();
    };
    return test::wait_until(is_there, kPatience) ? pid : 0;
  }
  // What serves the app's sessions at the server.
  std::vector<runtime::ProcessHandle> sessions_of_app() {
    std::vector<runtime::ProcessHandle> processes;
    const auto pids =
        stage().sql("shop", "select pid::text from pg_stat_activity where usename = 'app'");
    for (std::size_t row = 0; pids && row < pids->size(); ++row) {
      const auto pid = std::stoi(std::string(pids->text(row, 0).value_or("0")));
      if (auto process = runtime::ProcessHandle::open(pid))
        processes.push_back(*std::move(process));
    }
    return processes;
  }

  std::uint16_t port_;
  Scene scene_;
};

}  // namespace pgkeel::chaos
