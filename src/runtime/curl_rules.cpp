// See curl_rules.hpp.
#include "runtime/curl_rules.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <memory>

namespace pgkeel::runtime::detail {
namespace {

// No child of ours inherits it.
curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

ErrorCode code_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return ErrorCode::TimedOut;
    case CURLE_ABORTED_BY_CALLBACK: return ErrorCode::Cancelled;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return ErrorCode::ConfigBadValue;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION: return ErrorCode::ConnectionFailed;
    default: return ErrorCode::Http;
  }
}

using ParsedUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

ParsedUrl parsed_url(const std::string& url) {
  ParsedUrl parsed(curl_url(), curl_url_cleanup);
  if (parsed && curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    parsed.reset();
  return parsed;
}

}  // namespace

bool is_loopback(const std::string& url) {
  const auto parsed = parsed_url(url);
  char* host = nullptr;
  if (!parsed || curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) return false;
  const std::string_view name = host;
  const bool loopback = name == "localhost" || name.ends_with(".localhost") || name == "[::1]" ||
                        name.starts_with("127.");
  curl_free(host);
  return loopback;
}

Result<void> start_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started == CURLE_OK) return {};
  return fail(ErrorCode::Http, "libcurl cannot be used");
}

Result<void> set_curl_rules(CURL* easy, const std::string& url, Schemes schemes) {
  if (!parsed_url(url)) return fail(ErrorCode::ConfigBadValue, "the address is no URL");
  const auto set = [easy](auto option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, schemes == Schemes::Mail ? "smtp,smtps" : "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "pgkeel");
  set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  // A proxy of the environment is for the world outside, not for this host.
  if (is_loopback(url)) set(CURLOPT_PROXY, "");
  return {};
}

void note_header(std::map<std::string, std::string>& headers, std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string name(trimmed(line.substr(0, colon)));
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  headers[std::move(name)] = trimmed(line.substr(colon + 1));
}

Error curl_error(CURLcode code, const char* why) {
  const auto said = trimmed(why);
  return {code_of(code), said.empty() ? std::string(curl_easy_strerror(code)) : std::string(said)};
}

}  // namespace pgkeel::runtime::detail
