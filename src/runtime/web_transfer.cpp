// See web_transfer.hpp.
#include "runtime/web_transfer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace pgkeel::runtime::detail {
namespace {

constexpr std::size_t kHeaderBytesMax = 32U << 10U;  // a handful of headers is all that is sent
constexpr Millis kConnectTimeout{5'000};

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
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return ErrorCode::ConfigBadValue;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION: return ErrorCode::ConnectionFailed;
    default: return ErrorCode::Http;
  }
}

// A proxy of the environment is for the world outside, not for this host.
bool is_loopback(CURLU* url) {
  char* host = nullptr;
  if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK) return false;
  const std::string_view name = host;
  const bool loopback = name == "localhost" || name == "[::1]" || name.starts_with("127.");
  curl_free(host);
  return loopback;
}

}  // namespace

WebTransfer::WebTransfer(WebRequest request, std::shared_ptr<WebSlot> slot)
    : request_(std::move(request)), slot_(std::move(slot)), easy_(curl_easy_init()) {}

WebTransfer::~WebTransfer() {
  curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
}

Result<std::unique_ptr<WebTransfer>> WebTransfer::create(WebRequest request,
                                                         std::shared_ptr<WebSlot> slot) {
  std::unique_ptr<WebTransfer> transfer(new WebTransfer(std::move(request), std::move(slot)));
  if (transfer->easy_ == nullptr) return fail(ErrorCode::Http, "libcurl cannot be used");
  TRY_VOID(transfer->set_up());
  return transfer;
}

Result<void> WebTransfer::set_up() {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, request_.url.c_str(), 0) != CURLUE_OK)
    return fail(ErrorCode::ConfigBadValue, "the address is no URL");
  for (const auto& [name, value] : request_.headers)
    headers_ = curl_slist_append(headers_, fmt::format("{}: {}", name, value).c_str());
  headers_ = curl_slist_append(headers_, "Expect:");  // no round trip before a small body

  const auto set = [this](auto option, auto value) { curl_easy_setopt(easy_, option, value); };
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a name server that hangs holds up neither us nor the next request
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::min(kConnectTimeout, request_.timeout).count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout.count()));
  set(CURLOPT_HTTPHEADER, headers_);
  set(CURLOPT_USERAGENT, "pgkeel");
  set(CURLOPT_ERRORBUFFER, &why_[0]);
  set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  if (is_loopback(url.get())) set(CURLOPT_PROXY, "");
  if (request_.method == "GET") return {};
  set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  set(CURLOPT_POSTFIELDS, request_.body.data());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  return {};
}

std::size_t WebTransfer::take_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<WebTransfer*>(self);
  const auto length = size * count;
  transfer.too_large_ = transfer.answer_.body.size() + length > transfer.request_.answer_bytes_max;
  if (transfer.too_large_) return 0;
  transfer.answer_.body.append(bytes, length);
  return length;
}

std::size_t WebTransfer::take_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<WebTransfer*>(self);
  const auto length = size * count;
  transfer.header_bytes_ += length;
  transfer.too_large_ = transfer.header_bytes_ > kHeaderBytesMax;
  if (transfer.too_large_) return 0;
  const std::string_view line(bytes, length);
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return length;
  std::string name(trimmed(line.substr(0, colon)));
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  transfer.answer_.headers[std::move(name)] = trimmed(line.substr(colon + 1));
  return length;
}

Result<WebAnswer> WebTransfer::result_of(CURLcode code) {
  if (too_large_) return fail(ErrorCode::Http, "the answer is too large");
  if (code != CURLE_OK) {
    std::string why(trimmed(&why_[0]));
    return fail(code_of(code), why.empty() ? curl_easy_strerror(code) : std::move(why));
  }
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  answer_.status = static_cast<int>(status);
  return std::move(answer_);
}

void WebTransfer::finish(CURLcode code) {
  if (slot_->done == nullptr) return;
  slot_->result.emplace(result_of(code));
  slot_->done->notify_all();
}

}  // namespace pgkeel::runtime::detail
