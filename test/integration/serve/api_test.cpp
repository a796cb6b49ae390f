// The API over real sockets, with the guard replaced by fakes: what curl, HAProxy, Prometheus and
// the commands see.
#include "serve/api.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <nlohmann/json.hpp>

#include "runtime/fd.hpp"
#include "runtime/process.hpp"
#include "runtime/when_all.hpp"
#include "support/temp_dir.hpp"
#include "unit/serve/exposition_reader.hpp"
#include "unit/serve/fakes.hpp"

namespace pgkeel::serve {
namespace {

using nlohmann::json;

constexpr auto kSecret = "a-token-of-24-characters";
constexpr Millis kPatience{20'000};

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    guard_.status.value.guard.started = SteadyClock::now();
    for (auto& probe : guard_.status.value.probes) probe.stale_after = kNeverStale;
    std::ofstream(token_file()) << kSecret << "\n";
    ::chmod(token_file().c_str(), 0600);
  }

  [[nodiscard]] std::filesystem::path token_file() const { return dir_ / "token"; }
  [[nodiscard]] std::filesystem::path socket() const { return dir_ / "guard.sock"; }

  Result<std::unique_ptr<Api>> create(ApiOptions options) {
    return Api::create(loop_, {&guard_.status, &guard_.control, &guard_.incidents, &guard_.logs},
                       std::move(options));
  }
  void start() {
    auto api =
        create({.unix_socket = socket(), .tcp_host = "127.0.0.1", .token_file = token_file()});
    ASSERT_TRUE(api) << api.error().message();
    api_ = *std::move(api);
  }

  HttpResponse ask(runtime::HttpEndpoint endpoint, HttpRequest request) {
    auto response = loop_.run_until_complete(runtime::http_request(
        loop_, std::move(endpoint), std::move(request), loop_.after(kPatience)));
    EXPECT_TRUE(response) << response.error().message();
    return response ? *response : HttpResponse();
  }
  [[nodiscard]] runtime::HttpEndpoint tcp_endpoint() const {
    runtime::HttpEndpoint endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.port = api_->tcp_port();
    return endpoint;
  }
  HttpResponse over_tcp(HttpRequest request) { return ask(tcp_endpoint(), std::move(request)); }
  // Beside the test: the status it got, 0 for none.
  Task<void> send(HttpRequest request, std::optional<int>* status) {
    const auto response = co_await runtime::http_request(loop_, tcp_endpoint(), std::move(request),
                                                         loop_.after(kPatience));
    *status = response ? response->status : 0;
  }
  HttpResponse over_socket(HttpRequest request) {
    runtime::HttpEndpoint endpoint;
    endpoint.unix_socket = socket();
    return ask(std::move(endpoint), std::move(request));
  }

  test::TempDir dir_;
  runtime::Loop loop_;
  FakeGuard guard_;
  std::unique_ptr<Api> api_;
};

TEST_F(ApiTest, HealthAndStatusOverBothListeners) {
  // A8 E6: the same answers over TCP and the Unix socket.
  start();
  ASSERT_NE(api_->tcp_port(), 0);
  for (const auto* path :
       {"/livez", "/health", "/api/v1/status", "/api/v1/incidents/2026-11-21-003"}) {
    const auto tcp = over_tcp(get_request(path));
    const auto local = over_socket(get_request(path));
    EXPECT_EQ(tcp.status, 200) << path;
    EXPECT_EQ(local.status, 200) << path;
    EXPECT_EQ(tcp.content_type, local.content_type) << path;
  }
  const auto health = over_tcp(get_request("/health"));
  EXPECT_EQ(health.content_type, "application/health+json");
  EXPECT_EQ(json::parse(health.body)["status"], "pass");
  EXPECT_EQ(over_tcp(get_request("/readyz", {{"verbose", ""}})).body.substr(0, 12),
            "[+]state ok\n");
}

TEST_F(ApiTest, AProxySeesTheDatabaseGoAway) {
  // A3 D1: 200, then 503 as soon as the guard knows, then 200 again.
  start();
  const auto check = [&](const char* method) {
    return over_tcp(request(method, "/primary")).status;
  };
  EXPECT_EQ(check("OPTIONS"), 200);
  guard_.status.value.state = ServiceState::Down;
  EXPECT_EQ(check("OPTIONS"), 503);
  EXPECT_EQ(check("HEAD"), 503);
  EXPECT_EQ(over_tcp(get_request("/livez")).status, 200);
  guard_.status.value.state = ServiceState::Up;
  EXPECT_EQ(check("GET"), 200);
}

TEST_F(ApiTest, TheTokenGuardsTcpAndTheSocketNeedsNone) {
  // E6: POST needs the token over TCP.
  start();
  EXPECT_EQ(over_tcp(post_request("/api/v1/pause", "{}")).status, 401);
  EXPECT_EQ(over_tcp(post_request("/api/v1/pause", "{}", "wrong")).status, 401);
  EXPECT_TRUE(guard_.control.calls.empty());
  EXPECT_EQ(over_tcp(post_request("/api/v1/pause", R"({"for_ms":60000})", kSecret)).status, 200);
  EXPECT_EQ(over_socket(post_request("/api/v1/resume", "")).status, 200);
  EXPECT_EQ(guard_.control.calls, (std::vector<std::string>{"pause 1m", "resume"}));
  EXPECT_EQ(over_tcp(get_request("/api/v1/conninfo")).status, 403);
  EXPECT_EQ(over_socket(get_request("/api/v1/conninfo")).status, 200);
}

TEST_F(ApiTest, TheSocketIsTheOwnersAlone) {
  // The commands' socket needs no token, so its mode is the lock.
  start();
  struct stat facts{};
  ASSERT_EQ(::stat(socket().c_str(), &facts), 0);
  EXPECT_TRUE(S_ISSOCK(facts.st_mode));
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST_F(ApiTest, RefusesToStartInTheOpen) {
  // A socket directory or a token file open to others: one clear line, nothing is left listening.
  ::chmod(dir_.path().c_str(), 0777);
  auto open_directory = create({.unix_socket = socket()});
  ASSERT_FALSE(open_directory);
  EXPECT_EQ(open_directory.error().code, ErrorCode::Permission);
  EXPECT_FALSE(std::filesystem::exists(socket()));
  ::chmod(dir_.path().c_str(), 0700);
  ::chmod(token_file().c_str(), 0644);
  auto open_token = create({.unix_socket = socket(), .token_file = token_file()});
  ASSERT_FALSE(open_token);
  EXPECT_EQ(open_token.error().code, ErrorCode::Permission);
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

TEST_F(ApiTest, ABusyPortAndALivingGuardAreNamed) {
  // Bad input: a busy port; a second guard on the same state directory.
  start();
  auto busy = create({.tcp_host = "127.0.0.1", .tcp_port = api_->tcp_port()});
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, ErrorCode::PortTaken);
  auto second = create({.unix_socket = socket()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::StateLocked);
}

TEST_F(ApiTest, ManyAskAtOnce) {
  // Every answer comes from memory: forty at once are served, and a client that says nothing holds
  // up nobody.
  start();
  const runtime::Fd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket().string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::connect(silent.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  std::vector<Task<Result<HttpResponse>>> tasks;
  for (int index = 0; index < 40; ++index)
    tasks.push_back(runtime::http_request(loop_, tcp_endpoint(),
                                          get_request(index % 2 == 0 ? "/metrics" : "/health"),
                                          loop_.after(kPatience)));
  for (const auto& response : loop_.run_until_complete(runtime::when_all(std::move(tasks)))) {
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 200);
  }
}

TEST_F(ApiTest, AnActionThatWaitsHoldsUpNobody) {
  // A slow pause (its journal waits for the disk) does not delay a health check.
  start();
  runtime::Event release(loop_);
  guard_.control.before_pause = [&] { return release.wait_until(loop_.after(kPatience)); };
  std::optional<int> paused;
  loop_.spawn(send(post_request("/api/v1/pause", "{}", kSecret), &paused));
  EXPECT_EQ(over_tcp(get_request("/health")).status, 200);
  EXPECT_FALSE(paused);
  while (guard_.control.calls.empty()) EXPECT_EQ(over_tcp(get_request("/livez")).status, 200);
  release.notify_all();
  while (!paused) EXPECT_EQ(over_tcp(get_request("/livez")).status, 200);
  EXPECT_EQ(*paused, 200);
}

TEST_F(ApiTest, GoesAwayWhileAnActionStillWaits) {
  // The guard stops while a request is being answered: its client sees the connection end, and
  // nothing of the API is touched afterwards.
  start();
  runtime::Event never(loop_);
  guard_.control.before_pause = [&] { return never.wait_until(loop_.after(kPatience)); };
  std::optional<int> paused;
  loop_.spawn(send(post_request("/api/v1/pause", "{}", kSecret), &paused));
  while (guard_.control.calls.empty()) EXPECT_EQ(over_tcp(get_request("/livez")).status, 200);
  api_.reset();
  EXPECT_TRUE(loop_.run_until_complete(loop_.sleep_until(loop_.now())));
  while (!paused) EXPECT_TRUE(loop_.run_until_complete(loop_.sleep_for(Millis(1))));
  EXPECT_EQ(*paused, 0);
}

TEST_F(ApiTest, PrometheusAcceptsTheMetrics) {
  // A10: by promtool where it is installed (Debian package prometheus), else by a strict reader.
  start();
  guard_.status.value.incidents_total = {{"server_killed", 2}};
  const auto response = over_tcp(get_request("/metrics"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type.substr(0, 25), "text/plain; version=0.0.4");
  EXPECT_EQ(test::parse_prometheus(response.body).complaint, "");
  runtime::ProcessSpec promtool;
  promtool.argv = {"promtool", "check", "metrics"};
  promtool.input = response.body;
  const auto checked = loop_.run_until_complete(
      runtime::run_process(loop_, std::move(promtool), loop_.after(kPatience)));
  if (!checked && checked.error().code == ErrorCode::MissingBinary) return;
  ASSERT_TRUE(checked) << checked.error().message();
  EXPECT_TRUE(checked->exit.ok()) << checked->out << checked->err;
}

}  // namespace
}  // namespace pgkeel::serve
