// See adviser.hpp. Reading the host is blocking work and is done on the pool.
#include "app/guard/adviser.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "app/guard/unit_look.hpp"
#include "base/log.hpp"
#include "instance/config_files.hpp"
#include "pg/certificate.hpp"
#include "pg/log_line.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

using diagnose::Warning;
using runtime::Task;
namespace fs = std::filesystem;

constexpr Seconds kFirstLook{20};
constexpr Seconds kLookEvery{600};
constexpr std::size_t kLogBytes = 256U << 10U;
constexpr std::size_t kScriptBytesMax = 256U << 10U;
constexpr std::size_t kScriptsMax = 500;
constexpr std::size_t kCertificateBytesMax = 256U << 10U;  // a chain of certificates has some 10 kB
constexpr auto kCronPlaces = std::to_array<const char*>(
    {"/etc/crontab", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly",
     "/etc/cron.monthly", "/var/spool/cron/crontabs", "/usr/local/bin"});
constexpr auto kBootLinks =
    std::to_array<const char*>({"/etc/systemd/system/multi-user.target.wants/docker.service",
                                "/etc/systemd/system/sockets.target.wants/docker.socket",
                                "/etc/systemd/system/default.target.wants/podman-restart.service"});

bool prunes_volumes(std::string_view line) {
  const auto has = [line](std::string_view words) {
    return line.find(words) != std::string_view::npos;
  };
  const auto first = line.find_first_not_of(" \t");
  if (first == std::string_view::npos || line.at(first) == '#') return false;
  return has("volume prune") || (has("system prune") && has("--volumes"));
}

void look_into(const fs::path& script, std::vector<std::string>& prunes) {
  const auto text = runtime::read_file(script, kScriptBytesMax);
  if (!text) return;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = rest.substr(0, end);
    if (prunes_volumes(line)) prunes.push_back(fmt::format("{}: {}", script.string(), line));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

std::vector<std::string> find_prunes() {
  std::vector<std::string> prunes;
  std::size_t looked = 0;
  for (const auto* place : kCronPlaces) {
    std::error_code error;
    if (!fs::is_directory(place, error)) {
      look_into(place, prunes);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(place, error))
      if (++looked < kScriptsMax) look_into(entry.path(), prunes);
  }
  return prunes;
}

bool on_root_filesystem(const fs::path& data_dir) {
  const auto mine = runtime::filesystem_of(data_dir);
  return mine && mine->mount_point == "/";
}

// Without systemd nobody can say.
bool engine_starts_on_boot() {
  std::error_code error;
  if (!fs::exists("/run/systemd/system", error)) return true;
  return std::ranges::any_of(kBootLinks, [](const char* link) {
    std::error_code ignored;
    return fs::is_symlink(link, ignored);
  });
}

diagnose::HostSurroundings look_around(const fs::path& data_dir) {
  return {on_root_filesystem(data_dir), engine_starts_on_boot(), find_prunes()};
}

bool is_on(std::string value) {
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::tolower(c); });
  return value == "on" || value == "true" || value == "yes" || value == "1";
}

// A path of a server in a container that is absolute, or leads out of its data, is one inside of
// the container: on this host it is nobody's, or a stranger's.
std::optional<fs::path> file_of(const CertificatePlace& place, const fs::path& named) {
  if (!place.inside) return place.data_dir / named;
  std::error_code error;
  const auto data_dir = fs::canonical(place.data_dir, error);
  if (error || named.is_absolute()) return std::nullopt;
  const auto file = fs::canonical(data_dir / named, error);
  const auto below = file.lexically_relative(data_dir);
  if (error || below.empty() || *below.begin() == "..") return std::nullopt;
  return file;
}

}  // namespace

CertificatePlace certificate_place(const instance::Instance& instance) {
  const bool inside = instance.kind() == instance::Kind::Container;
  const auto files = inside ? std::vector<fs::path>{instance.data_dir() / "postgresql.conf"}
                            : instance.config_files();
  return {files.empty() ? fs::path() : files.front(), instance.data_dir(), inside};
}

std::vector<Warning> look_at_certificate(const CertificatePlace& place) {
  if (place.config_file.empty()) return {};
  const auto config = instance::read_server_config(place.config_file, place.data_dir);
  if (!is_on(config.get("ssl").value_or("off"))) return {};
  const auto file = file_of(place, config.get("ssl_cert_file").value_or("server.crt"));
  if (!file) return {};
  const auto text = runtime::read_file(*file, kCertificateBytesMax);
  if (!text) return {};
  const auto ends = pg::certificate_ends(*text);
  if (!ends) return {};
  return diagnose::certificate_ends(file->string(), *ends, wall_now());
}

// Where a container's data is the loop may change; where a local server's files are it does not.
Task<CertificatePlace> Adviser::find_certificate_place() {
  if (instance_.kind() == instance::Kind::Container) co_return certificate_place(instance_);
  auto place = co_await loop_.run_blocking([this] { return certificate_place(instance_); });
  co_return place;
}

Task<std::vector<Warning>> Adviser::look() {
  std::vector<Warning> found;
  const auto& hosting = senses_.observation().hosting.facts;
  if (hosting) {
    const auto data_dir = instance_.data_dir();
    const auto around = co_await loop_.run_blocking([&data_dir] { return look_around(data_dir); });
    found = diagnose::hosting_warnings(*hosting, around);
  }
  if (instance_.capabilities().sees_files) {
    const auto place = co_await find_certificate_place();
    auto certificate = co_await loop_.run_blocking([place] { return look_at_certificate(place); });
    for (auto& warning : certificate) found.push_back(std::move(warning));
  }
  auto unit = co_await look_at_unit(&loop_, senses_.observation().process.pid);
  for (auto& warning : unit) found.push_back(std::move(warning));
  auto log = co_await instance_.recent_log();
  if (!log && instance_.capabilities().sees_files) {
    auto tail = runtime::read_file_tail(senses_.server_log(), kLogBytes);
    if (tail) log = std::move(*tail);
  }
  const auto lines = pg::parse_log(pg::ServerLogFormat::Stderr, log.value_or(""));
  for (auto& warning : diagnose::wrong_probes(lines)) found.push_back(std::move(warning));
  for (auto& warning : diagnose::libc_changed(senses_.observation(), known_, lines))
    found.push_back(std::move(warning));
  co_return found;
}

void Adviser::take(std::vector<Warning> warnings) {
  for (const auto& warning : warnings)
    if (std::ranges::find(warnings_, warning.name, &Warning::name) == warnings_.end())
      log_warning(warning.text, {{"warning", warning.name}, {"hint", warning.hint}});
  warnings_ = std::move(warnings);
}

Task<void> Adviser::run() {
  if (instance_.kind() == instance::Kind::Remote) co_return;
  static_cast<void>(co_await loop_.sleep_for(kFirstLook));
  while (true) {
    auto found = co_await look();
    take(std::move(found));
    static_cast<void>(co_await loop_.sleep_for(kLookEvery));
  }
}

}  // namespace pgkeel::app
