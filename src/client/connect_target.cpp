// See connect_target.hpp.
#include "client/connect_target.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>

namespace pgkeel::client {
namespace {

using runtime::Task;

// Names with more addresses than this are not database servers.
constexpr std::size_t kAddressesMax = 16;
constexpr std::string_view kDefaultPort = "5432";

bool is_socket_directory(std::string_view host) {
  return host.starts_with('/') || host.starts_with('@');
}

bool is_numeric(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

struct Addresses {
  std::vector<std::string> numeric;
  std::string failure;
};

Addresses ask_resolver(const std::string& host) {
  Addresses found;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); code != 0) {
    found.failure = ::gai_strerror(code);
    return found;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(list, &::freeaddrinfo);
  for (const addrinfo* entry = list; entry != nullptr && found.numeric.size() < kAddressesMax;
       entry = entry->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(entry->ai_addr, entry->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0)
      found.numeric.emplace_back(text.data());
  }
  if (found.numeric.empty()) found.failure = "no address";
  return found;
}

// Shared by the waiting caller and the look-up, which may outlive it.
struct Lookup {
  explicit Lookup(runtime::Loop& loop) : done(loop) {}
  runtime::Event done;
  std::optional<Addresses> addresses;
};

Task<void> look_up(runtime::Loop* loop, std::shared_ptr<Lookup> lookup, std::string host) {
  auto addresses = co_await loop->run_blocking([host] { return ask_resolver(host); });
  lookup->addresses = std::move(addresses);
  lookup->done.notify_all();
}

void set_default(Keywords& keywords, std::string_view name, std::string value) {
  const bool given =
      std::ranges::any_of(keywords, [name](const auto& keyword) { return keyword.first == name; });
  if (!given) keywords.emplace_back(name, std::move(value));
}

void add_unless_empty(Keywords& keywords, std::string_view name, const std::string& value) {
  if (!value.empty()) keywords.emplace_back(name, value);
}

// Decided by us: the address comes from the target, the deadline from the options.
bool is_ours(std::string_view keyword) {
  return keyword == "connect_timeout" || keyword == "options" || keyword == "hostaddr";
}

}  // namespace

std::string ConnectTarget::label() const {
  const std::string_view shown_port = port.empty() ? kDefaultPort : std::string_view(port);
  return (host.empty() ? std::string("local socket") : host) + ":" + std::string(shown_port);
}

std::vector<ConnectTarget> connect_targets(const pg::Conninfo& conninfo) {
  std::vector<ConnectTarget> targets;
  const auto hostaddr = conninfo.options.find("hostaddr");
  if (hostaddr != conninfo.options.end())
    return {{.host = conninfo.host, .address = hostaddr->second, .port = conninfo.port}};
  for (const pg::ConninfoHost& host : conninfo.hosts())
    targets.push_back({.host = host.host,
                       .address = {},
                       .port = host.port == 0 ? std::string() : std::to_string(host.port)});
  if (targets.empty()) targets.push_back({.host = {}, .address = {}, .port = conninfo.port});
  return targets;
}

Task<Result<std::vector<ConnectTarget>>> resolve_target(runtime::Loop* loop, ConnectTarget target,
                                                        Limit limit) {
  if (!target.address.empty() || target.host.empty() || is_socket_directory(target.host))
    co_return std::vector{target};
  if (is_numeric(target.host)) {
    target.address = target.host;
    co_return std::vector{target};
  }
  const auto lookup = std::make_shared<Lookup>(*loop);
  loop->spawn(look_up(loop, lookup, target.host));
  const auto waited = co_await lookup->done.wait_until(limit.deadline, limit.stop);
  if (!lookup->addresses)
    co_return fail(waited ? ErrorCode::TimedOut : waited.error().code,
                   "the name " + target.host + " was not resolved in time");
  if (lookup->addresses->numeric.empty())
    co_return fail(ErrorCode::ConnectionFailed, "could not translate host name \"" + target.host +
                                                    "\": " + lookup->addresses->failure);
  std::vector<ConnectTarget> targets;
  for (const std::string& address : lookup->addresses->numeric)
    targets.push_back({.host = target.host, .address = address, .port = target.port});
  co_return targets;
}

Keywords startup_keywords(const pg::Conninfo& conninfo, const ConnectTarget& target,
                          const ConnectOptions& options) {
  Keywords keywords;
  add_unless_empty(keywords, "host", target.host);
  add_unless_empty(keywords, "hostaddr", target.address);
  add_unless_empty(keywords, "port", target.port);
  add_unless_empty(keywords, "user", conninfo.user);
  add_unless_empty(keywords, "password", conninfo.password);
  add_unless_empty(keywords, "dbname", conninfo.database);
  for (const auto& [name, value] : conninfo.options)
    if (!is_ours(name)) add_unless_empty(keywords, name, value);
  set_default(keywords, "application_name", options.application_name);
  set_default(keywords, "client_encoding", "UTF8");
  set_default(keywords, "gssencmode", "disable");
  set_default(keywords, "keepalives_idle", std::to_string(options.keepalive_idle.count()));
  set_default(keywords, "keepalives_interval", std::to_string(options.keepalive_interval.count()));
  set_default(keywords, "keepalives_count", std::to_string(options.keepalive_count));
  set_default(keywords, "tcp_user_timeout", std::to_string(options.tcp_user_timeout.count()));
  const auto given = conninfo.options.find("options");
  std::string startup = given == conninfo.options.end() ? std::string() : given->second;
  if (!startup.empty() && !options.settings.empty()) startup += ' ';
  add_unless_empty(keywords, "options", startup + startup_options(options.settings));
  return keywords;
}

std::string startup_options(const std::vector<std::pair<std::string, std::string>>& settings) {
  std::string text;
  for (const auto& [name, value] : settings) {
    if (!text.empty()) text += ' ';
    text += "-c " + name + "=";
    for (const char c : value) {
      if (c == ' ' || c == '\\' || c == '\t' || c == '\n') text += '\\';
      text += c;
    }
  }
  return text;
}

}  // namespace pgkeel::client
