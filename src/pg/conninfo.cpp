// The two grammars are libpq's own (fe-connect.c, conninfo_parse and conninfo_uri_parse_options).
// Errors name places by their character number: what stands there may be part of a password whose
// quoting went wrong.
#include "pg/conninfo.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "pg/conninfo_keywords.hpp"

namespace pgkeel::pg {
namespace {

constexpr std::string_view kMask = "***";
constexpr std::string_view kBlanks = " \t\r\n\f\v";

std::unexpected<Error> bad(std::string what) {
  return fail(ErrorCode::BadConninfo, "connection string: " + std::move(what));
}
std::unexpected<Error> bad_at(std::size_t offset, std::string_view what) {
  return bad(fmt::format("{} at character {}", what, offset + 1));
}

bool is_blank(char c) { return kBlanks.contains(c); }

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(by);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

void set(Conninfo& info, std::string_view keyword, std::string value) {
  if (keyword == "host") info.host = std::move(value);
  else if (keyword == "port") info.port = std::move(value);
  else if (keyword == "user") info.user = std::move(value);
  else if (keyword == "password") info.password = std::move(value);
  else if (keyword == "dbname") info.database = std::move(value);
  else info.options.insert_or_assign(std::string(keyword), std::move(value));
}

// An empty port means the default.
bool parse_port(std::string_view text, std::uint16_t& port) {
  text = trim(text);
  if (text.empty()) return true;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  return error == std::errc{} && stop == end && port > 0;
}

std::string_view host_list(const Conninfo& info) {
  if (!info.host.empty()) return info.host;
  const auto address = info.options.find("hostaddr");
  return address == info.options.end() ? std::string_view() : std::string_view(address->second);
}

Result<void> check_ports(const Conninfo& info) {
  if (info.port.empty()) return {};
  const auto ports = split(info.port, ',');
  for (const auto text : ports) {
    if (std::uint16_t port = 0; !parse_port(text, port)) {
      return bad(
          "a port is not a number from 1 to 65535 (in a URI, '/', ':', '@' and '?' inside "
          "a password are written %2F, %3A, %40 and %3F)");
    }
  }
  const auto hosts = split(host_list(info), ',').size();
  if (ports.size() > 1 && ports.size() != hosts)
    return bad(fmt::format("{} ports for {} hosts", ports.size(), hosts));
  return {};
}

// ---- keyword = value

/// Walks a keyword=value string.
class KeywordScanner {
 public:
  explicit KeywordScanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    return at_ == text_.size();
  }

  Result<std::string_view> keyword() {
    const auto start = at_;
    while (at_ < text_.size() && text_[at_] != '=' && !is_blank(text_[at_])) ++at_;
    const auto word = text_.substr(start, at_ - start);
    if (at_end() || text_[at_] != '=') return bad_at(start, "a keyword without '='");
    ++at_;
    if (!is_listed(kLibpqKeywords, word)) return bad_at(start, "an unknown keyword");
    return word;
  }

  Result<std::string> value() {
    if (at_end()) return std::string();
    return text_[at_] == '\'' ? quoted() : Result<std::string>(unquoted());
  }

 private:
  std::string unquoted() {
    std::string out;
    while (at_ < text_.size() && !is_blank(text_[at_])) take_into(out);
    return out;
  }

  Result<std::string> quoted() {
    const auto start = at_++;
    std::string out;
    while (at_ < text_.size() && text_[at_] != '\'') take_into(out);
    if (at_ == text_.size()) return bad_at(start, "a quote that is never closed");
    ++at_;
    return out;
  }

  void take_into(std::string& out) {
    if (text_[at_] == '\\' && ++at_ == text_.size()) return;
    out += text_[at_++];
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<Conninfo> parse_keywords(std::string_view text) {
  Conninfo info;
  KeywordScanner scanner(text);
  while (!scanner.at_end()) {
    TRY(keyword, scanner.keyword());
    TRY(value, scanner.value());
    set(info, keyword, std::move(value));
  }
  return info;
}

// ---- URI

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    const int high = at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[at + 2]) : -1;
    if (low < 0) return bad("a '%' that two hexadecimal digits do not follow (write %25)");
    if (high == 0 && low == 0) return bad("%00, which no value may hold");
    out += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return out;
}

/// The part of a URI behind "://", or nullopt when the text is no URI of ours.
std::optional<std::string_view> behind_scheme(std::string_view text) {
  const auto end = text.find("://");
  if (end == std::string_view::npos) return std::nullopt;
  const auto scheme = text.substr(0, end);
  const auto base = scheme.substr(0, scheme.find('+'));
  if (base != "postgresql" && base != "postgres") return std::nullopt;
  return text.substr(end + 3);
}

/// "mysql://...": a URI, but not ours.
bool has_other_scheme(std::string_view text) {
  const auto end = text.find("://");
  return end != std::string_view::npos && text.find_first_of("= ") > end;
}

Result<void> read_userinfo(std::string_view& rest, Conninfo& info) {
  const auto end = rest.find_first_of("@/");
  if (end == std::string_view::npos || rest[end] != '@') return {};
  const auto userinfo = rest.substr(0, end);
  const auto colon = userinfo.find(':');
  TRY(user, percent_decoded(userinfo.substr(0, colon)));
  info.user = std::move(user);
  if (colon != std::string_view::npos) {
    TRY(password, percent_decoded(userinfo.substr(colon + 1)));
    info.password = std::move(password);
  }
  rest.remove_prefix(end + 1);
  return {};
}

/// One of the comma-separated hosts, with or without port and brackets.
Result<void> read_host(std::string_view text, std::string& hosts, std::string& ports) {
  std::size_t host_end = text.find(':');
  auto host = text.substr(0, host_end);
  if (text.starts_with('[')) {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos || bracket == 1)
      return bad("an IPv6 address in brackets that is empty or never closed");
    host = text.substr(1, bracket - 1);
    host_end = bracket + 1 < text.size() ? bracket + 1 : std::string_view::npos;
    if (host_end != std::string_view::npos && text[host_end] != ':')
      return bad("something other than a port behind an IPv6 address");
  }
  TRY(decoded, percent_decoded(host));
  hosts += decoded;
  if (host_end != std::string_view::npos) ports += text.substr(host_end + 1);
  return {};
}

Result<void> read_hosts(std::string_view& rest, Conninfo& info) {
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  const auto hosts = split(rest.substr(0, end), ',');
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (i > 0) info.host += ',', info.port += ',';
    TRY_VOID(read_host(hosts[i], info.host, info.port));
  }
  if (info.port.find_first_not_of(',') == std::string::npos) info.port.clear();
  rest.remove_prefix(end);
  return {};
}

Result<void> read_database(std::string_view& rest, Conninfo& info) {
  if (!rest.starts_with('/')) return {};
  const auto end = std::min(rest.find('?'), rest.size());
  TRY(database, percent_decoded(rest.substr(1, end - 1)));
  info.database = std::move(database);
  rest.remove_prefix(end);
  return {};
}

Result<void> read_parameter(std::string_view text, std::size_t number, Conninfo& info) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || text.find('=', equals + 1) != std::string_view::npos)
    return bad(fmt::format("URI parameter {} is not of the form name=value", number));
  TRY(keyword, percent_decoded(text.substr(0, equals)));
  TRY(value, percent_decoded(text.substr(equals + 1)));
  if (is_listed(kLibpqKeywords, keyword)) set(info, keyword, std::move(value));
  else if (keyword == "ssl") set(info, "sslmode", value == "true" ? "require" : "prefer");
  else if (is_listed(kForeignKeywords, keyword)) info.ignored.push_back(std::move(keyword));
  else info.ignored.push_back(fmt::format("parameter {}", number));
  return {};
}

Result<Conninfo> parse_uri(std::string_view rest) {
  Conninfo info;
  TRY_VOID(read_userinfo(rest, info));
  TRY_VOID(read_hosts(rest, info));
  TRY_VOID(read_database(rest, info));
  if (!rest.starts_with('?') || rest.size() == 1) return info;
  const auto parameters = split(rest.substr(1), '&');
  for (std::size_t i = 0; i < parameters.size(); ++i)
    TRY_VOID(read_parameter(parameters[i], i + 1, info));
  return info;
}

// ---- writing

void append(std::string& out, std::string_view keyword, std::string_view value) {
  if (!out.empty()) out += ' ';
  out += keyword;
  out += "='";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  out += '\'';
}

enum class Secrets { Written, Masked };

std::string write(const Conninfo& info, Secrets secrets) {
  std::string out;
  const auto put = [&](std::string_view keyword, std::string_view value) {
    if (secrets == Secrets::Masked && is_secret_keyword(keyword)) value = kMask;
    append(out, keyword, value);
  };
  if (!info.host.empty()) put("host", info.host);
  if (!info.port.empty()) put("port", info.port);
  if (!info.user.empty()) put("user", info.user);
  if (!info.password.empty()) put("password", info.password);
  if (!info.database.empty()) put("dbname", info.database);
  for (const auto& [keyword, value] : info.options) put(keyword, value);
  return out;
}

}  // namespace

std::vector<ConninfoHost> Conninfo::hosts() const {
  std::vector<ConninfoHost> out;
  const auto list = host_list(*this);
  if (list.empty()) return out;
  const auto ports = split(port, ',');
  for (const auto name : split(list, ',')) {
    std::uint16_t number = 0;
    const auto index = ports.size() == 1 ? 0 : out.size();
    // A port a caller put there by hand may be anything; 0 is the default's sign.
    if (index < ports.size() && !parse_port(ports[index], number)) number = 0;
    out.push_back({std::string(trim(name)), number});
  }
  return out;
}

std::string Conninfo::to_keyword_value() const { return write(*this, Secrets::Written); }
std::string Conninfo::redacted() const { return write(*this, Secrets::Masked); }

Result<Conninfo> parse_conninfo(std::string_view text) {
  text = trim(text);
  if (text.size() > kConninfoBytesMax)
    return bad(fmt::format("longer than {} bytes", kConninfoBytesMax));
  if (text.contains('\0')) return bad("it holds a zero byte");
  const auto uri = behind_scheme(text);
  if (!uri && !text.empty() && (!text.contains('=') || has_other_scheme(text)))
    return bad("neither a postgresql:// URI nor keyword=value");
  TRY(info, uri ? parse_uri(*uri) : parse_keywords(text));
  TRY_VOID(check_ports(info));
  return std::move(info);
}

bool is_secret_keyword(std::string_view keyword) { return is_listed(kSecretKeywords, keyword); }

}  // namespace pgkeel::pg
