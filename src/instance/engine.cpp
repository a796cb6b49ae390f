// See engine.hpp.
#include "instance/engine.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace pgkeel::instance {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;
using runtime::Task;

constexpr std::string_view kApi = "/v1.40";
constexpr int kNotFound = 404;
constexpr int kErrors = 400;
constexpr int kUnavailable = 503;  // of a node that does not manage the Swarm it is in
// filters={"type":["container","volume"],"event":["start","die","died","oom","destroy","remove",
// "rename","pause","unpause"]}: Docker's and Podman's words; health checks are left out.
constexpr std::string_view kEventsPath =
    "/v1.40/events?filters=%7B%22type%22%3A%5B%22container%22%2C%22volume%22%5D%2C%22event%22%3A%5B"
    "%22start%22%2C%22die%22%2C%22died%22%2C%22oom%22%2C%22destroy%22%2C%22remove%22%2C%22rename%22"
    "%2C%22pause%22%2C%22unpause%22%5D%7D";
constexpr int kNonsenseMax = 50;  // lines in a row; a proxy may cut the stream in chunks

// Seconds since 1970 with a fraction, as both engines take them.
std::string engine_seconds(WallTime at) {
  constexpr std::int64_t kMicrosPerSecond = 1'000'000;
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch());
  return fmt::format("{}.{:06}", micros.count() / kMicrosPerSecond,
                     micros.count() % kMicrosPerSecond);
}

HttpRequest request(std::string method, std::string path,
                    std::map<std::string, std::string> query) {
  HttpRequest made;
  made.method = std::move(method);
  made.path = std::string(kApi) + path;
  made.query = std::move(query);
  return made;
}

Error unreachable(const std::filesystem::path& socket, Millis patience, const Error& why) {
  auto words = why.code == ErrorCode::TimedOut
                   ? fmt::format("gave no answer within {}", humane_duration(patience))
                   : why.detail;
  return {ErrorCode::EngineUnreachable,
          fmt::format("container engine at {}: {}", socket.string(), words)};
}

Error refused(const HttpRequest& request, const HttpResponse& response) {
  auto code = response.status == kNotFound ? ErrorCode::NotFound : ErrorCode::Failed;
  const bool of_swarm = request.path.starts_with(std::string(kApi) + "/services/");
  if (response.status == kUnavailable && of_swarm) code = ErrorCode::NotSupported;
  return {code, fmt::format("container engine: {} {} answered {}: {}", request.method, request.path,
                            response.status, parse_engine_message(response.body))};
}

std::string container_path(const std::string& container, std::string_view rest = "") {
  return fmt::format("/containers/{}{}", container, rest);
}

nlohmann::json to_json(const NewContainer& plan) {
  auto mounts = nlohmann::json::array();
  for (const auto& mount : plan.mounts) {
    mounts.push_back({{"Type", mount.type},
                      {"Source", mount.type == "volume" ? mount.name : mount.source.string()},
                      {"Target", mount.destination.string()},
                      {"ReadOnly", !mount.writable}});
  }
  auto labels = nlohmann::json::object();
  for (const auto& [name, value] : plan.labels) labels[name] = value;
  nlohmann::json host = {
      {"Mounts", mounts}, {"RestartPolicy", {{"Name", "no"}}}, {"AutoRemove", plan.removed_at_end}};
  if (!plan.network.empty()) host["NetworkMode"] = plan.network;
  nlohmann::json made = {{"Image", plan.image},
                         {"Entrypoint", plan.command},
                         {"Cmd", nlohmann::json::array()},
                         {"Labels", labels},
                         {"HostConfig", host}};
  if (!plan.user.empty()) made["User"] = plan.user;
  return made;
}

}  // namespace

Task<Result<std::string>> Engine::call(HttpRequest request, Millis patience) const {
  const runtime::HttpEndpoint endpoint{socket_, "", 0};
  const auto deadline = loop_->after(patience);
  const auto response = co_await runtime::http_request(*loop_, endpoint, request, deadline);
  if (!response) co_return fail(unreachable(socket_, patience, response.error()));
  if (response->status >= kErrors) co_return fail(refused(request, *response));
  co_return response->body;
}

Task<Result<std::string>> Engine::get(std::string path,
                                      std::map<std::string, std::string> query) const {
  auto made = request("GET", std::move(path), std::move(query));
  auto body = co_await call(std::move(made), patience_);
  co_return body;
}

// What is so already is answered 304, which is success.
Task<Result<void>> Engine::post(std::string path, std::map<std::string, std::string> query,
                                Millis patience) const {
  auto made = request("POST", std::move(path), std::move(query));
  const auto body = co_await call(std::move(made), patience);
  if (!body) co_return fail(body.error());
  co_return Result<void>();
}

Task<Result<ContainerFacts>> Engine::inspect(std::string container) const {
  CO_TRY(body, co_await get(container_path(container, "/json")));
  co_return parse_container(body);
}

Task<Result<std::vector<ContainerEntry>>> Engine::list() const {
  std::map<std::string, std::string> query{{"all", "true"}};
  CO_TRY(body, co_await get("/containers/json", std::move(query)));
  co_return parse_container_list(body);
}

Task<Result<std::vector<VolumeEntry>>> Engine::volumes() const {
  CO_TRY(body, co_await get("/volumes"));
  co_return parse_volume_list(body);
}

Task<Result<std::string>> Engine::log_tail(std::string container, int lines) const {
  std::map<std::string, std::string> query{
      {"stdout", "true"}, {"stderr", "true"}, {"tail", std::to_string(lines)}};
  CO_TRY(body, co_await get(container_path(container, "/logs"), std::move(query)));
  if (body.size() > kEngineLogBytesMax) body.erase(0, body.size() - kEngineLogBytesMax);
  co_return strip_log_frames(body);
}

Task<Result<void>> Engine::start(std::string container) const {
  auto done = co_await post(container_path(container, "/start"));
  co_return done;
}

Task<Result<void>> Engine::stop(std::string container, Seconds grace) const {
  std::map<std::string, std::string> query{{"t", std::to_string(grace.count())}};
  auto done =
      co_await post(container_path(container, "/stop"), std::move(query), grace + kEngineCallMax);
  co_return done;
}

Task<Result<void>> Engine::kill(std::string container) const {
  auto done = co_await post(container_path(container, "/kill"), {{"signal", "SIGKILL"}});
  co_return done;
}

Task<Result<void>> Engine::unpause(std::string container) const {
  auto done = co_await post(container_path(container, "/unpause"));
  co_return done;
}

// Podman 4 has this call only under a path of its own, which Docker does not know.
Task<Result<void>> Engine::update_memory(std::string container, MemoryLimit limit) const {
  auto made = request("POST", container_path(container, "/update"), {});
  made.headers["content-type"] = "application/json";
  made.body =
      nlohmann::json({{"Memory", limit.bytes}, {"MemorySwap", limit.with_swap_bytes}}).dump();
  const auto done = co_await call(made, kEngineCallMax);
  if (done) co_return Result<void>();
  if (done.error().code != ErrorCode::NotFound) co_return fail(done.error());
  made.path = fmt::format("/v4.0.0/libpod/containers/{}/update", container);
  made.body =
      nlohmann::json({{"memory", {{"limit", limit.bytes}, {"swap", limit.with_swap_bytes}}}})
          .dump();
  const auto again = co_await call(std::move(made), kEngineCallMax);
  if (!again) co_return fail(done.error());
  co_return Result<void>();
}

// https://docs.docker.com/reference/api/engine/version/v1.40/: ContainerUpdate.
Task<Result<void>> Engine::update_restart(std::string container, RestartPolicy policy,
                                          int retries_max) const {
  auto made = request("POST", container_path(container, "/update"), {});
  made.headers["content-type"] = "application/json";
  nlohmann::json wanted = {{"Name", to_string(policy)}};
  if (policy == RestartPolicy::OnFailure) wanted["MaximumRetryCount"] = retries_max;
  made.body = nlohmann::json({{"RestartPolicy", wanted}}).dump();
  const auto done = co_await call(std::move(made), kEngineCallMax);
  if (done) co_return Result<void>();
  const auto there = co_await inspect(container);
  if (done.error().code == ErrorCode::NotFound && there)
    co_return fail(ErrorCode::NotSupported, "this engine cannot change a restart policy");
  co_return fail(done.error());
}

Task<Result<ServiceFacts>> Engine::service(std::string name) const {
  CO_TRY(body, co_await get("/services/" + name));
  co_return parse_service(body);
}

// ServiceUpdate: the whole specification again, and the version it was read at, so that a change
// made meanwhile is not undone (the engine refuses then).
Task<Result<void>> Engine::scale_service(ServiceFacts service, std::int64_t tasks) const {
  auto spec = nlohmann::json::parse(service.spec, nullptr, false);
  if (!service.wanted || !spec.is_object())
    co_return fail(ErrorCode::NotSupported,
                   "service " + service.id + " runs on every node and cannot be scaled");
  spec["Mode"]["Replicated"]["Replicas"] = tasks;
  auto made = request("POST", fmt::format("/services/{}/update", service.id),
                      {{"version", std::to_string(service.version)}});
  made.headers["content-type"] = "application/json";
  made.body = spec.dump();
  const auto done = co_await call(std::move(made), kEngineCallMax);
  if (!done) co_return fail(done.error());
  co_return Result<void>();
}

Task<Result<EventStream>> Engine::events(std::optional<WallTime> since) const {
  auto path = std::string(kEventsPath);
  if (since) path += "&since=" + engine_seconds(*since);
  auto lines = co_await runtime::HttpLines::open(*loop_, socket_, std::move(path),
                                                 loop_->after(kEngineCallMax));
  if (!lines) co_return fail(unreachable(socket_, kEngineCallMax, lines.error()));
  co_return EventStream(std::move(*lines));
}

Task<Result<EngineEvent>> EventStream::next(SteadyTime deadline) {
  for (int nonsense = 0; nonsense < kNonsenseMax; ++nonsense) {
    const auto line = co_await lines_.next(deadline);
    if (!line && line.error().code == ErrorCode::TimedOut) co_return fail(line.error());
    if (!line)
      co_return fail(ErrorCode::EngineUnreachable, "its events ended: " + line.error().detail);
    auto event = parse_event(*line);
    if (event) co_return std::move(*event);
  }
  co_return fail(ErrorCode::Malformed, "the container engine's events are none");
}

Task<Result<std::string>> Engine::create(NewContainer plan) const {
  auto made = request("POST", "/containers/create", {{"name", plan.name}});
  made.headers["content-type"] = "application/json";
  made.body = to_json(plan).dump();
  CO_TRY(body, co_await call(std::move(made), kEngineCallMax));
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("Id") || !json["Id"].is_string())
    co_return fail(ErrorCode::Malformed, "the container engine's answer names no container");
  co_return json["Id"].get<std::string>();
}

Task<Result<void>> Engine::remove_container(std::string container) const {
  auto made = request("DELETE", container_path(container), {{"v", "false"}, {"force", "false"}});
  const auto body = co_await call(std::move(made), kEngineCallMax);
  if (!body && body.error().code != ErrorCode::NotFound) co_return fail(body.error());
  co_return Result<void>();
}

}  // namespace pgkeel::instance
