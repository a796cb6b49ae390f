// Somebody is called although nobody could be reached while it happened: a real guard, a server
// that is killed, and a webhook that comes up only when all is over.
#include <nlohmann/json.hpp>

#include <functional>
#include <iostream>
#include <stdexcept>

#include <fmt/format.h>

#include "chaos/chaos.hpp"
#include "runtime/http.hpp"

namespace pgkeel::chaos {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;

// What Alertmanager's webhooks are sent to; on the stage's loop.
class Hook {
 public:
  Hook(runtime::Loop& loop, std::uint16_t port)
      : server_(loop, [this](HttpRequest request) { return take(std::move(request)); }) {
    const auto listening = server_.listen_tcp("127.0.0.1", port);
    EXPECT_TRUE(listening.has_value());
  }
  [[nodiscard]] const std::vector<std::string>& said() const { return said_; }

 private:
  runtime::Task<HttpResponse> take(HttpRequest request) {
    const auto body = nlohmann::json::parse(request.body, nullptr, false);
    const auto labels = body.is_object() ? body.value("commonLabels", body) : body;
    said_.push_back(labels.is_object() ? fmt::format("{} {}", body.value("status", "?"),
                                                     labels.value("incident", "?"))
                                       : request.path);
    co_return HttpResponse();
  }
  std::vector<std::string> said_;
  runtime::HttpServer server_;
};

runtime::Task<bool> until(runtime::Loop* loop, const std::function<bool()>* met) {
  const auto deadline = loop->after(kPatience);
  while (!(*met)() && loop->now() < deadline)
    static_cast<void>(co_await loop->sleep_for(Millis(20)));
  co_return (*met)();
}

bool await(app::Stage& stage, const std::function<bool()>& met) {
  return stage.loop().run_until_complete(until(&stage.loop(), &met));
}

std::int64_t waiting(const app::Stage& stage) {
  const auto status = stage.client().get("/api/v1/status");
  if (!status || !status->contains("alert_channels")) return -1;
  return (*status)["alert_channels"][0].value("waiting", -1);
}

std::string last_failure(const app::Stage& stage) {
  const auto status = stage.client().get("/api/v1/status");
  if (!status || !status->contains("alert_channels")) return "no status";
  const auto& failure = (*status)["alert_channels"][0]["last_failure"];
  return failure.is_string() ? failure.get<std::string>() : "";
}

TEST(Alerts, ReachAChannelThatWasDownOnceAndInOrder) {
  // Goal: the server is killed and the guard too while the webhook is away; when it is back it
  // hears of the incident and of its end, once each (E8 D13 A9).
  const auto port = test::free_port();
  auto scene =
      build_scene({}, fmt::format("[[alert]]\nkind = \"webhook\"\nmin_severity = \"critical\"\n"
                                  "url = \"http://127.0.0.1:{}/hook\"\n",
                                  port));
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  ASSERT_TRUE(service_restored(scene));
  kill_server(stage);
  ASSERT_TRUE(await_healed(stage, "server_killed"));
  ASSERT_TRUE(service_restored(scene));
  ASSERT_TRUE(test::wait_until([&] { return waiting(stage) == 2; }, kPatience));
  ASSERT_TRUE(stage.kill_guard().has_value());
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(stage.await_ready().has_value());
  Hook hook(stage.loop(), port);
  ASSERT_TRUE(await(stage, [&] { return hook.said().size() >= 2; }));
  ASSERT_TRUE(await(stage, [&] { return incidents(stage).size() >= 1; }));
  // A second incident's messages come after all of the first's, so a repeated one would show.
  kill_server(stage);
  ASSERT_TRUE(await(stage, [&] { return hook.said().size() >= 4; }));
  const auto& said = hook.said();
  ASSERT_EQ(said.size(), 4U);
  for (const std::size_t first : {0U, 2U}) {
    EXPECT_TRUE(said[first].starts_with("firing 20")) << said[first];
    EXPECT_EQ(said[first + 1], "resolved " + said[first].substr(7));
  }
  EXPECT_NE(said[0], said[2]);
  ASSERT_TRUE(await_healed(stage, "server_killed"));
  ASSERT_TRUE(service_restored(scene));
}

bool start_again(const app::Stage& stage, const std::string& data_dir) {
  try {
    run_as_server(stage, {fmt::format("{}/pg_ctl", kBinDir), "start", "-w", "-D", data_dir});
    return true;
  } catch (const std::runtime_error& error) {
    std::cerr << error.what() << '\n';
    return false;
  }
}

TEST(Alerts, TheDeadManIsPingedOnlyWhileAllIsWell) {
  // Goal: the ping of a real guard comes while it guards, and stops while the server is down (E8).
  const auto port = test::free_port();
  auto scene = build_scene({}, fmt::format("[[alert]]\nkind = \"deadman\"\ninterval = \"10s\"\n"
                                           "url = \"http://127.0.0.1:{}/ping\"\n",
                                           port));
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  Hook hook(stage.loop(), port);
  ASSERT_TRUE(await(stage, [&] { return !hook.said().empty(); }));
  const auto pg_ctl = fmt::format("{}/pg_ctl", kBinDir);
  const auto data_dir = stage.instance().data_dir().string();
  stage.note_broken();
  run_as_server(stage, {pg_ctl, "stop", "-w", "-m", "fast", "-D", data_dir});
  ASSERT_TRUE(await(stage, [&] { return last_failure(stage).starts_with("not sent"); }));
  const auto before = hook.said().size();
  ASSERT_TRUE(stays_down(stage));
  // Its port is anybody's while it is down.
  ASSERT_TRUE(test::wait_until([&] { return start_again(stage, data_dir); }, kPatience));
  // The ping is heard before the guard knows that it was.
  ASSERT_TRUE(
      await(stage, [&] { return hook.said().size() > before && last_failure(stage).empty(); }));
}

}  // namespace
}  // namespace pgkeel::chaos
