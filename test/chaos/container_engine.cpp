// See container_engine.hpp.
#include "chaos/container_engine.hpp"

#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kTool = "tools/container-engine";
constexpr int kErrors = 400;

bool is_program(const char* path) { return ::access(path, X_OK) == 0; }

int shell(const std::string& line) { return std::system(line.c_str()); }

}  // namespace

bool ContainerEngine::possible() {
  const bool programs = ::geteuid() == 0 && is_program("/usr/bin/podman") &&
                        is_program("/usr/bin/crun") && is_program(kTool);
  static const bool image = programs && shell(fmt::format("{} image", kTool)) == 0;
  return image;
}

ContainerEngine::ContainerEngine(const fs::path& disk)
    : state_(dir_.path()), port_(test::free_port()) {
  const auto root = state_ / "root";
  if (!disk.empty() && fs::create_directory(root))
    EXPECT_EQ(::mount(disk.c_str(), root.c_str(), nullptr, MS_BIND, nullptr), 0);
  start_service();
}

void ContainerEngine::start_service() {
  runtime::ProcessSpec spec;
  spec.argv = {fs::absolute(kTool).string(), "serve", socket().string(), state_.string()};
  spec.output_file = state_ / "engine.log";
  spec.session = runtime::ProcessSpec::Session::New;
  auto started = runtime::start_process(spec);
  ASSERT_TRUE(started.has_value());
  service_.emplace(std::move(*started));
  ASSERT_TRUE(test::wait_until([&] { return call("GET", "/version").status == 200; }, kPatience));
}

void ContainerEngine::end_service() {
  static_cast<void>(service_->signal(SIGTERM));
  static_cast<void>(loop_.run_until_complete(service_->wait_exit(loop_, loop_.after(kPatience))));
  service_.reset();
}

ContainerEngine::~ContainerEngine() {
  if (!service_) return;
  remove_everything();
  end_service();
  ::umount2((state_ / "root").c_str(), MNT_DETACH);  // where a disk was given
}

// Tried until nothing is left: an anchor's guard may have been at it.
void ContainerEngine::remove_everything() {
  const auto emptied = [&] {
    const auto list = Json::parse(call("GET", "/containers/json?all=true").body, nullptr, false);
    if (!list.is_array()) return false;
    for (const auto& container : list)
      call("DELETE", "/containers/" + container.value("Id", "") + "?force=true");
    return list.empty();
  };
  static_cast<void>(test::wait_until(emptied, kPatience));
}

app::GuardEnvironment ContainerEngine::environment(const std::string& container) const {
  return {
      {"PGKEEL_INSTANCE_KIND", "container"},
      {"PGKEEL_INSTANCE_CONTAINER", container},
      {"PGKEEL_INSTANCE_ENGINE_SOCKET", socket().string()},
      {"PGKEEL_INSTANCE_URL", fmt::format("postgresql://postgres@127.0.0.1:{}/postgres", port_)}};
}

runtime::HttpResponse ContainerEngine::call(const std::string& method, const std::string& target,
                                            const std::string& body) {
  runtime::HttpRequest request;
  request.method = method;
  const auto question = target.find('?');
  request.path = "/v1.40" + target.substr(0, question);
  for (auto rest = question == std::string::npos ? "" : target.substr(question + 1);
       !rest.empty();) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto equals = rest.find('=');
    request.query[rest.substr(0, equals)] = rest.substr(equals + 1, end - equals - 1);
    rest.erase(0, end + 1);
  }
  if (!body.empty()) request.headers["content-type"] = "application/json";
  request.body = body;
  const runtime::HttpEndpoint endpoint{socket(), "", 0};
  auto response = loop_.run_until_complete(
      runtime::http_request(loop_, endpoint, request, loop_.after(kPatience)));
  if (response) return *std::move(response);
  runtime::HttpResponse none;
  none.status = 0;
  none.body = response.error().message();
  return none;
}

void ContainerEngine::expect_done(const std::string& method, const std::string& target,
                                  const std::string& body) {
  const auto response = call(method, target, body);
  ASSERT_TRUE(response.status > 0 && response.status < kErrors)
      << method << " " << target << ": " << response.status << " " << response.body;
}

void ContainerEngine::run(const ContainerSpec& spec) {
  Json host = {
      {"NetworkMode", "host"},
      {"RestartPolicy", {{"Name", spec.restart}}},
      {"Mounts",
       {{{"Type", "volume"}, {"Source", spec.volume}, {"Target", "/var/lib/postgresql/data"}}}}};
  if (spec.memory_mb > 0) host["Memory"] = std::int64_t{spec.memory_mb} << 20U;
  const Json container = {{"Image", "localhost/pgkeel-postgres:15"},
                          {"Cmd", {"-p", std::to_string(port_ + spec.port_offset)}},
                          {"HostConfig", host}};
  ASSERT_NO_FATAL_FAILURE(
      expect_done("POST", "/containers/create?name=" + spec.name, container.dump()));
  ASSERT_NO_FATAL_FAILURE(start(spec.name));
}

int ContainerEngine::remove_volume(const std::string& name) {
  return call("DELETE", "/volumes/" + name).status;
}

std::size_t ContainerEngine::server_starts(const std::string& name) {
  const auto log = call("GET", "/containers/" + name + "/logs?stdout=true&stderr=true").body;
  constexpr std::string_view kBegins = "starting PostgreSQL";
  std::size_t starts = 0;
  for (auto at = log.find(kBegins); at != std::string::npos; at = log.find(kBegins, at + 1))
    ++starts;
  return starts;
}

std::vector<std::string> ContainerEngine::names(Which which) {
  const std::string all = which == Which::All ? "true" : "false";
  const auto list = Json::parse(call("GET", "/containers/json?all=" + all).body, nullptr, false);
  std::vector<std::string> names;
  for (const auto& container : list) {
    const auto name = container.value("Names", std::vector<std::string>{""}).front().substr(1);
    if (!name.starts_with("pgkeel-anchor-")) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

fs::path ContainerEngine::log_file(const std::string& name) {
  const auto told = Json::parse(call("GET", "/containers/" + name + "/json").body, nullptr, false);
  return told.is_object() ? told.value("LogPath", "") : "";
}

bool ContainerEngine::exists(const std::string& name) {
  return call("GET", "/containers/" + name + "/json").status == 200;
}

}  // namespace pgkeel::chaos
