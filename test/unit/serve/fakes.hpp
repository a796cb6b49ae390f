// A guard that is not there: a healthy snapshot at a fixed moment, sources that answer at once, and
// a way to run a handler without an event loop.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "serve/route.hpp"

namespace pgkeel::serve {

inline constexpr SteadyTime kNow{std::chrono::hours(24)};
inline constexpr WallTime kWallNow{std::chrono::seconds(1'795'230'245)};  // 2026-11-21T03:04:05Z

inline Probe probe_at(std::string name, Millis age, bool ok = true, std::string note = {}) {
  return {.name = std::move(name),
          .ok = ok,
          .at = kNow - age,
          .wall_at = kWallNow - age,
          .took = Millis(4),
          .note = std::move(note)};
}

inline incident::Incident sample_incident() {
  incident::Incident incident;
  incident.id = "2026-11-21-003";
  incident.opened_at = kWallNow;
  incident.detected = Millis(180);
  incident.cause = "table_dropped";
  incident.confidence = 0.98;
  incident.subject = "shop.public.orders";
  incident.state = incident::IncidentState::Waiting;
  incident.summary = "table shop.public.orders was dropped";
  return incident;
}

inline Status healthy_status() {
  Status status;
  status.state = ServiceState::Up;
  status.since = kWallNow - Seconds(60);
  status.mode = "act";
  status.instance = {.kind = "managed",
                     .description = "managed postgresql@15-main at /var/lib/postgresql/15/main",
                     .system_id = SystemId(7'300'000'000'000'000'001),
                     .timeline = TimelineId(1),
                     .major = 15,
                     .server_version = "15.18",
                     .port = 5432,
                     .role = Role::Primary,
                     .postmaster_pid = 4321,
                     .started_at = kWallNow - Seconds(3600),
                     .running_since = kNow - Seconds(3600)};
  status.probes = {probe_at("process", Millis(100)), probe_at("login", Millis(800)),
                   probe_at("write", Millis(2'000)), probe_at("files", Millis(1'000))};
  status.databases = {
      {.name = "postgres", .oid = Oid(5), .size_bytes = 7'000'000, .connections = 1},
      {.name = "shop", .oid = Oid(16'384), .size_bytes = 93'000'000, .connections = 4}};
  status.connections = Connections{.used = 5, .max = 100, .reserved = 3};
  status.largest_tables = {
      {.database = "shop", .schema = "public", .name = "orders", .size_bytes = 50'000'000}};
  status.disk = Disk{.mount_point = "/var/lib/postgresql",
                     .bytes_total = 40'000'000'000,
                     .bytes_free = 30'000'000'000,
                     .inodes_total = 2'000'000,
                     .inodes_free = 1'900'000};
  status.capabilities = {{"sees_process", true}, {"can_move_files", false}};
  status.guard = {.version = "0.1.0",
                  .pid = 99,
                  .started_at = kWallNow - Seconds(7200),
                  .started = kNow - Seconds(7200),
                  .rss_bytes = 12'000'000,
                  .cpu_seconds = 1.5};
  return status;
}

struct FakeStatus : StatusSource {
  Status value = healthy_status();
  Result<std::string> connection = std::string("host=/run/postgresql port=5432");
  mutable int asked = 0;
  [[nodiscard]] Status status() const override {
    ++asked;
    return value;
  }
  [[nodiscard]] Result<std::string> conninfo() const override { return connection; }
};

/// Requests over TCP.
inline HttpRequest request(std::string method, std::string path) {
  HttpRequest made;
  made.method = std::move(method);
  made.path = std::move(path);
  return made;
}
inline HttpRequest get_request(std::string path, std::map<std::string, std::string> query = {}) {
  auto made = request("GET", std::move(path));
  made.query = std::move(query);
  return made;
}
inline HttpRequest post_request(std::string path, std::string body, std::string_view token = {}) {
  auto made = request("POST", std::move(path));
  made.body = std::move(body);
  if (!token.empty()) made.headers["authorization"] = "Bearer " + std::string(token);
  return made;
}
inline HttpRequest over_unix(HttpRequest made) {
  made.via = HttpRequest::Via::Unix;
  return made;
}

/// Remembers what it was told, in words, and answers with `result`.
struct FakeControl : Control {
  Result<> result;
  std::vector<std::string> calls;
  std::function<Task<Result<>>()> before_pause;  ///< what pause() waits for, when set
  Task<Result<>> pause(std::optional<Millis> duration) override {
    calls.push_back(duration ? "pause " + format_duration(*duration) : "pause until resumed");
    if (before_pause) CO_TRY_VOID(co_await before_pause());
    co_return result;
  }
  Task<Result<>> resume() override {
    calls.emplace_back("resume");
    co_return result;
  }
  Task<Result<std::vector<std::string>>> unfence_plan() override {
    co_return std::vector<std::string>{"give the data back"};
  }
  Task<Result<>> unfence(std::string who) override {
    calls.push_back("unfence by " + who);
    co_return result;
  }
  Task<Result<>> set_anchor(bool wanted) override {
    calls.emplace_back(wanted ? "keep the anchor" : "remove the anchor");
    co_return result;
  }
  Task<Result<>> apply_application(std::string who) override {
    calls.push_back("make the application for " + who);
    co_return result;
  }
  Task<Result<>> forget_relation(std::string database, std::string relation,
                                 std::string who) override {
    calls.push_back("forget " + relation + " in " + database + " by " + who);
    co_return result;
  }
  Task<Result<>> forget_database(std::string database, std::string who) override {
    calls.push_back("forget database " + database + " by " + who);
    co_return result;
  }
  Task<Result<>> acknowledge(std::string incident, std::string who) override {
    calls.push_back("ack " + incident + " by " + who);
    co_return result;
  }
  runtime::Task<Result<>> abandon(std::string incident, std::string who) override {
    calls.push_back("abandon " + incident + " by " + who);
    co_return result;
  }
  runtime::Task<Result<>> note_change(NotedChange change) override {
    calls.push_back("note " + change.what + " " + change.subject + " " + change.detail + " by " +
                    change.who);
    co_return result;
  }
  runtime::Task<Result<>> take_back(std::string incident) override {
    calls.push_back("take back " + incident);
    co_return result;
  }
};

struct FakeIncidents : IncidentSource {
  std::vector<incident::Incident> all = {sample_incident()};
  std::size_t asked_for = 0;
  Task<Result<std::vector<incident::Incident>>> list(std::size_t most) override {
    asked_for = most;
    co_return all;
  }
  Task<Result<incident::Incident>> load(std::string id) override {
    for (const auto& incident : all)
      if (incident.id == id) co_return incident;
    co_return fail(ErrorCode::NotFound, "no incident " + id);
  }
};

struct FakeLogs : LogSource {
  Result<std::vector<std::string>> lines = std::vector<std::string>{"one", "two"};
  std::string asked_for;
  Task<Result<std::vector<std::string>>> tail(LogKind kind, std::size_t count) override {
    const auto* name = kind == LogKind::Guard     ? "guard "
                       : kind == LogKind::Gateway ? "gateway "
                                                  : "postgres ";
    asked_for = name + std::to_string(count);
    co_return lines;
  }
};

struct FakeGuard {
  FakeStatus status;
  FakeControl control;
  FakeIncidents incidents;
  FakeLogs logs;
  std::optional<Token> token;

  [[nodiscard]] ContextPtr context() {
    auto context = std::make_shared<Context>();
    context->sources = {&status, &control, &incidents, &logs};
    context->token = token;
    context->now = [] { return kNow; };
    return context;
  }
  [[nodiscard]] HttpResponse ask(HttpRequest asked);
  [[nodiscard]] HttpResponse get(std::string path, std::map<std::string, std::string> query = {}) {
    return ask(get_request(std::move(path), std::move(query)));
  }
  [[nodiscard]] HttpResponse post_locally(std::string path, std::string body) {
    return ask(over_unix(post_request(std::move(path), std::move(body))));
  }
};

/// Runs a task that never really waits.
template <class T>
T run_now(Task<T> task) {
  struct Detached {
    struct promise_type {
      Detached get_return_object() { return {}; }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() {}
      void unhandled_exception() { std::terminate(); }
    };
    static Detached store(Task<T> task, std::optional<T>* result) {
      result->emplace(co_await task);
    }
  };
  std::optional<T> result;
  Detached::store(std::move(task), &result);
  CHECK(result.has_value());
  return *std::move(result);
}

inline HttpResponse FakeGuard::ask(HttpRequest asked) {
  return run_now(answer(context(), std::move(asked)));
}

inline std::string header(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

}  // namespace pgkeel::serve
