// See engine_model.hpp. Docker's API reference names the members; Podman's answers are the same
// with some of them missing.
#include "instance/engine_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace pgkeel::instance {
namespace {

constexpr std::string_view kServiceLabel = "com.docker.swarm.service.name";

using Json = nlohmann::json;

constexpr std::size_t kLogFrameHeader = 8;
constexpr std::size_t kAnonymousNameLength = 64;
constexpr std::string_view kUsualDataDir = "/var/lib/postgresql/data";

// A member of a JSON object, or null where it is absent or the value is no object.
const Json& member(const Json& json, const char* name) {
  static const Json kNull;
  if (!json.is_object()) return kNull;
  const auto found = json.find(name);
  return found == json.end() ? kNull : *found;
}

std::string text(const Json& json, const char* name) {
  const auto& value = member(json, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}
bool flag(const Json& json, const char* name) {
  const auto& value = member(json, name);
  return value.is_boolean() && value.get<bool>();
}
std::int64_t number(const Json& json, const char* name) {
  const auto& value = member(json, name);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}
int small_number(const Json& json, const char* name) {
  return static_cast<int>(std::clamp<std::int64_t>(number(json, name), -1, 1'000'000'000));
}

template <class Integer>
Integer to_integer(std::string_view digits) {
  Integer value{};
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::vector<std::pair<std::string, std::string>> pairs(const Json& json) {
  std::vector<std::pair<std::string, std::string>> found;
  if (!json.is_object()) return found;
  for (const auto& [name, value] : json.items())
    if (value.is_string()) found.emplace_back(name, value.get<std::string>());
  return found;
}

std::vector<std::pair<std::string, std::string>> environment(const Json& json) {
  std::vector<std::pair<std::string, std::string>> found;
  if (!json.is_array()) return found;
  for (const auto& line : json) {
    if (!line.is_string()) continue;
    const auto words = line.get<std::string>();
    const auto equals = words.find('=');
    if (equals == std::string::npos) continue;
    found.emplace_back(words.substr(0, equals), words.substr(equals + 1));
  }
  return found;
}

std::vector<std::string> strings(const Json& json) {
  std::vector<std::string> found;
  if (!json.is_array()) return found;
  for (const auto& value : json)
    if (value.is_string()) found.push_back(value.get<std::string>());
  return found;
}

std::vector<ContainerMount> mounts(const Json& json) {
  std::vector<ContainerMount> found;
  if (!json.is_array()) return found;
  for (const auto& item : json) {
    ContainerMount mount;
    mount.type = text(item, "Type");
    mount.name = text(item, "Name");
    mount.source = text(item, "Source");
    mount.destination = std::filesystem::path(text(item, "Destination")).lexically_normal();
    mount.writable = flag(item, "RW");
    found.push_back(std::move(mount));
  }
  return found;
}

// {"5432/tcp": [{"HostIp": "0.0.0.0", "HostPort": "5432"}], ...}
std::vector<PublishedPort> ports(const Json& json) {
  std::vector<PublishedPort> found;
  if (!json.is_object()) return found;
  for (const auto& [inside, bindings] : json.items()) {
    if (!bindings.is_array() || !inside.ends_with("/tcp")) continue;
    for (const auto& binding : bindings)
      found.push_back({to_integer<std::uint16_t>(inside), text(binding, "HostIp"),
                       to_integer<std::uint16_t>(text(binding, "HostPort"))});
  }
  return found;
}

std::string without_slash(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  return name;
}

Result<Json> parse(std::string_view json) {
  auto parsed = Json::parse(json, nullptr, false);
  if (parsed.is_discarded())
    return fail(ErrorCode::Malformed, "the container engine's answer is no JSON");
  return parsed;
}

void read_state(const Json& state, ContainerFacts& facts) {
  facts.status = text(state, "Status");
  facts.running = flag(state, "Running");
  facts.paused = flag(state, "Paused");
  facts.restarting = flag(state, "Restarting");
  facts.oom_killed = flag(state, "OOMKilled");
  facts.pid = static_cast<pid_t>(small_number(state, "Pid"));
  facts.exit_code = small_number(state, "ExitCode");
  facts.error = text(state, "Error");
  facts.started_at = text(state, "StartedAt");
  facts.finished_at = text(state, "FinishedAt");
}

void read_host_config(const Json& host, ContainerFacts& facts) {
  const auto& policy = member(host, "RestartPolicy");
  facts.restart_policy = restart_policy_by_name(text(policy, "Name"));
  facts.restart_retries_max = small_number(policy, "MaximumRetryCount");
  facts.memory_limit = number(host, "Memory");
  facts.memory_swap = number(host, "MemorySwap");
  facts.network_mode = text(host, "NetworkMode");
}

void read_config(const Json& config, ContainerFacts& facts) {
  facts.image = text(config, "Image");
  const auto& signal = member(config, "StopSignal");
  facts.stop_signal = signal.is_number_integer() ? std::to_string(signal.get<std::int64_t>())
                                                 : text(config, "StopSignal");
  facts.has_tty = flag(config, "Tty");
  facts.health_check = strings(member(member(config, "Healthcheck"), "Test"));
  facts.environment = environment(member(config, "Env"));
  facts.labels = pairs(member(config, "Labels"));
}

void read_network(const Json& network, ContainerFacts& facts) {
  facts.ports = ports(member(network, "Ports"));
  facts.ip_address = text(network, "IPAddress");
  const auto& networks = member(network, "Networks");
  if (!facts.ip_address.empty() || !networks.is_object()) return;
  for (const auto& [name, one] : networks.items())
    if (facts.ip_address.empty()) facts.ip_address = text(one, "IPAddress");
}

std::string_view value_of(const std::vector<std::pair<std::string, std::string>>& list,
                          std::string_view name) {
  const auto found = std::ranges::find(list, name, &std::pair<std::string, std::string>::first);
  return found == list.end() ? std::string_view() : std::string_view(found->second);
}

bool is_within(const std::filesystem::path& path, const std::filesystem::path& parent) {
  const auto relative = path.lexically_relative(parent);
  return !relative.empty() && *relative.begin() != "..";
}

// Docker and Podman tell seconds and, beside them, nanoseconds since 1970.
std::optional<WallTime> event_time(const Json& event) {
  constexpr std::int64_t kNanosPerMicro = 1'000;
  const auto nanos = number(event, "timeNano");
  if (nanos > 0) return WallTime(std::chrono::microseconds(nanos / kNanosPerMicro));
  const auto seconds = number(event, "time");
  if (seconds <= 0) return std::nullopt;
  return WallTime(Seconds(seconds));
}

}  // namespace

std::string_view to_string(RestartPolicy policy) {
  switch (policy) {
    case RestartPolicy::No: return "no";
    case RestartPolicy::Always: return "always";
    case RestartPolicy::UnlessStopped: return "unless-stopped";
    case RestartPolicy::OnFailure: return "on-failure";
  }
  return "no";
}

RestartPolicy restart_policy_by_name(std::string_view name) {
  for (const auto policy :
       {RestartPolicy::Always, RestartPolicy::UnlessStopped, RestartPolicy::OnFailure})
    if (name == to_string(policy)) return policy;
  return RestartPolicy::No;
}

std::string_view ContainerFacts::variable(std::string_view wanted) const {
  return value_of(environment, wanted);
}
std::string_view ContainerFacts::label(std::string_view wanted) const {
  return value_of(labels, wanted);
}

std::string EngineEvent::describe() const {
  auto words = fmt::format("{} {}: {}", type, name.empty() ? id : name, action);
  if (!exit_code.empty()) words += ", exit code " + exit_code;
  return words;
}

// Docker names a volume by its id, Podman by its name.
Result<EngineEvent> parse_event(std::string_view json) {
  TRY(root, parse(json));
  const auto& actor = member(root, "Actor");
  const auto& attributes = member(actor, "Attributes");
  EngineEvent event;
  event.type = text(root, "Type");
  event.action = text(root, "Action");
  event.id = text(actor, "ID");
  event.name = text(attributes, "name");
  event.exit_code = text(attributes, "exitCode");
  event.at = event_time(root);
  if (event.type == "volume" && event.name.empty()) event.name = event.id;
  if (event.action == "remove") event.action = "destroy";
  if (event.action == "died") event.action = "die";
  const bool known = event.type == "container" || event.type == "volume";
  if (!known || event.action.empty() || (event.id.empty() && event.name.empty()))
    return fail(ErrorCode::Malformed, "the container engine's event names nothing");
  return event;
}

Result<ContainerFacts> parse_container(std::string_view json) {
  TRY(root, parse(json));
  ContainerFacts facts;
  facts.id = text(root, "Id");
  facts.name = without_slash(text(root, "Name"));
  if (facts.id.empty())
    return fail(ErrorCode::Malformed, "the container engine's answer names no container");
  facts.created_at = text(root, "Created");
  facts.restart_count = number(root, "RestartCount");
  facts.image_digest = text(root, "Image");
  facts.log_path = text(root, "LogPath");
  read_state(member(root, "State"), facts);
  read_host_config(member(root, "HostConfig"), facts);
  read_config(member(root, "Config"), facts);
  read_network(member(root, "NetworkSettings"), facts);
  facts.mounts = mounts(member(root, "Mounts"));
  return facts;
}

Result<std::vector<ContainerEntry>> parse_container_list(std::string_view json) {
  TRY(root, parse(json));
  if (!root.is_array()) return fail(ErrorCode::Malformed, "the container engine's list is no list");
  std::vector<ContainerEntry> list;
  for (const auto& item : root) {
    ContainerEntry entry;
    entry.id = text(item, "Id");
    const auto names = strings(member(item, "Names"));
    entry.name = names.empty() ? entry.id : without_slash(names.front());
    entry.state = text(item, "State");
    entry.created = number(item, "Created");
    entry.mounts = mounts(member(item, "Mounts"));
    entry.labels = pairs(member(item, "Labels"));
    list.push_back(std::move(entry));
  }
  return list;
}

Result<std::vector<VolumeEntry>> parse_volume_list(std::string_view json) {
  TRY(root, parse(json));
  const auto& volumes = member(root, "Volumes");
  std::vector<VolumeEntry> list;
  if (!volumes.is_array()) return list;
  for (const auto& item : volumes)
    list.push_back({text(item, "Name"), text(item, "Driver"), text(item, "Mountpoint"),
                    text(item, "CreatedAt")});
  return list;
}

Result<ServiceFacts> parse_service(std::string_view json) {
  TRY(root, parse(json));
  ServiceFacts service;
  service.id = text(root, "ID");
  const auto& index = member(member(root, "Version"), "Index");
  const auto& spec = member(root, "Spec");
  if (service.id.empty() || !index.is_number_unsigned() || !spec.is_object())
    return fail(ErrorCode::Malformed, "the container engine's answer names no service");
  service.version = index.get<std::uint64_t>();
  const auto& replicas = member(member(member(spec, "Mode"), "Replicated"), "Replicas");
  if (replicas.is_number_integer()) service.wanted = replicas.get<std::int64_t>();
  service.spec = spec.dump();
  return service;
}

std::string parse_engine_message(std::string_view body) {
  const auto json = Json::parse(body, nullptr, false);
  auto message = json.is_object() ? text(json, "message") : std::string();
  if (message.empty() && json.is_object()) message = text(json, "cause");
  return message.empty() ? std::string(body) : message;
}

std::string strip_log_frames(std::string_view body) {
  std::string plain;
  while (body.size() >= kLogFrameHeader) {
    const auto byte = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(body.at(i)));
    };
    const bool framed = byte(0) <= 2 && byte(1) == 0 && byte(2) == 0 && byte(3) == 0;
    if (!framed) break;
    const auto size = (byte(4) << 24U) | (byte(5) << 16U) | (byte(6) << 8U) | byte(7);
    body.remove_prefix(kLogFrameHeader);
    plain += body.substr(0, size);
    body.remove_prefix(std::min(size, body.size()));
  }
  plain += body;
  return plain;
}

Result<WallTime> parse_engine_time(std::string_view text) {
  constexpr std::size_t kOffset = 6;  // "+02:00"
  const auto offset = text.size() > kOffset ? text.substr(text.size() - kOffset) : "";
  const auto digit = [&](std::size_t at) { return offset[at] >= '0' && offset[at] <= '9'; };
  const bool shaped = !offset.empty() && (offset[0] == '+' || offset[0] == '-') &&
                      offset[3] == ':' && digit(1) && digit(2) && digit(4) && digit(5);
  if (!shaped) return parse_iso8601(text);
  TRY(local, parse_iso8601(std::string(text.substr(0, text.size() - kOffset)) + "Z"));
  const std::chrono::hours hours((offset[1] - '0') * 10 + (offset[2] - '0'));
  const std::chrono::minutes minutes((offset[4] - '0') * 10 + (offset[5] - '0'));
  const auto east = hours + minutes;
  return offset[0] == '+' ? local - east : local + east;
}

std::string restart_setting(const ContainerFacts& container) {
  std::string setting(to_string(container.restart_policy));
  if (container.restart_policy == RestartPolicy::OnFailure && container.restart_retries_max > 0)
    setting += fmt::format(":{}", container.restart_retries_max);
  return setting;
}

std::optional<SwarmTask> swarm_task(const ContainerFacts& container) {
  const auto service = container.label(kServiceLabel);
  if (service.empty()) return std::nullopt;
  return SwarmTask{std::string(service), std::string(container.label("com.docker.swarm.task.name")),
                   std::string(container.label("com.docker.swarm.node.id"))};
}

const ContainerEntry* task_of_service(const std::vector<ContainerEntry>& all,
                                      std::string_view service) {
  const auto rank = [](const ContainerEntry& entry) {
    return std::pair(entry.state == "running", entry.created);
  };
  const ContainerEntry* found = nullptr;
  for (const auto& entry : all) {
    const bool task = std::ranges::any_of(entry.labels, [&](const auto& label) {
      return label.first == kServiceLabel && label.second == service;
    });
    if (task && (found == nullptr || rank(entry) > rank(*found))) found = &entry;
  }
  return found;
}

std::filesystem::path data_dir_inside(const ContainerFacts& container) {
  for (const auto* name : {"PGDATA", "POSTGRESQL_DATA_DIR"})
    if (const auto value = container.variable(name); !value.empty())
      return std::filesystem::path(value).lexically_normal();
  return kUsualDataDir;
}

const ContainerMount* data_mount(const ContainerFacts& container) {
  const auto inside = data_dir_inside(container);
  const ContainerMount* nearest = nullptr;
  for (const auto& mount : container.mounts) {
    if (!is_within(inside, mount.destination)) continue;
    const bool nearer = nearest == nullptr ||
                        mount.destination.native().size() > nearest->destination.native().size();
    if (nearer) nearest = &mount;
  }
  return nearest;
}

std::filesystem::path data_dir_outside(const ContainerFacts& container) {
  const auto* mount = data_mount(container);
  if (mount == nullptr || mount->source.empty()) return {};
  const auto below = data_dir_inside(container).lexically_relative(mount->destination);
  return below == "." ? mount->source : mount->source / below;
}

bool engine_restarts(const ContainerFacts& container, int exit_code) {
  switch (container.restart_policy) {
    case RestartPolicy::No: return false;
    case RestartPolicy::Always:
    case RestartPolicy::UnlessStopped: return true;
    case RestartPolicy::OnFailure:
      return exit_code != 0 && (container.restart_retries_max == 0 ||
                                container.restart_count < container.restart_retries_max);
  }
  return false;
}

bool is_anonymous(const ContainerMount& mount) {
  return mount.type == "volume" && mount.name.size() == kAnonymousNameLength &&
         mount.name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace pgkeel::instance
