// See web_session.hpp. One easy handle, reset before each request: its connections and its name
// look-ups stay.
#include "runtime/web_session.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include "runtime/curl_rules.hpp"

namespace pgkeel::runtime {
namespace {

// Anything slower is no transfer; a 16 MiB part at this rate would take hours.
constexpr long kStallBytesPerSecond = 1024;

}  // namespace

struct WebSession::Easy {
  CURL* handle = curl_easy_init();
  curl_slist* headers = nullptr;
  const WebCall* call = nullptr;
  WebReply* reply = nullptr;
  std::stop_token stop;
  std::size_t header_bytes = 0;
  bool too_large = false;
  bool head_complete = false;
  char why[CURL_ERROR_SIZE] = {};

  explicit Easy(std::stop_token token) : stop(std::move(token)) {}
  ~Easy() {
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
  }
  Easy(const Easy&) = delete;
  Easy& operator=(const Easy&) = delete;

  void begin(const WebCall& next, WebReply& answer) {
    curl_easy_reset(handle);
    curl_slist_free_all(headers);
    headers = nullptr;
    call = &next;
    reply = &answer;
    reply->status = 0;
    reply->headers.clear();
    reply->body.clear();  // keeps its memory for the next part
    header_bytes = 0;
    too_large = false;
    head_complete = false;
    why[0] = '\0';
  }

  static std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& easy = *static_cast<Easy*>(self);
    const auto length = size * count;
    easy.too_large = easy.reply->body.size() + length > easy.call->answer_bytes_max;
    if (easy.too_large) return 0;
    easy.reply->body.append(bytes, length);
    return length;
  }

  static std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& easy = *static_cast<Easy*>(self);
    const auto length = size * count;
    easy.header_bytes += length;
    easy.too_large = easy.header_bytes > detail::kCurlHeaderBytesMax;
    if (easy.too_large) return 0;
    const std::string_view line(bytes, length);
    easy.head_complete = line == "\r\n" || line == "\n";
    detail::note_header(easy.reply->headers, line);
    return length;
  }

  static int look_up(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Easy*>(self)->stop.stop_requested() ? 1 : 0;
  }
};

WebSession::WebSession(WebSessionOptions options)
    : options_(std::move(options)), easy_(std::make_unique<Easy>(options_.stop)) {}
WebSession::~WebSession() = default;

Result<std::unique_ptr<WebSession>> WebSession::create(WebSessionOptions options) {
  TRY_VOID(detail::start_curl());
  std::unique_ptr<WebSession> session(new WebSession(std::move(options)));
  if (session->easy_->handle == nullptr) return fail(ErrorCode::Http, "libcurl cannot be used");
  return session;
}

Result<void> WebSession::set_up(const WebCall& call) {
  Easy& easy = *easy_;
  TRY_VOID(detail::set_curl_rules(easy.handle, call.url));
  for (const auto& [name, value] : call.headers)
    easy.headers = curl_slist_append(easy.headers, fmt::format("{}: {}", name, value).c_str());
  easy.headers = curl_slist_append(easy.headers, "Expect:");  // no round trip before a body

  const auto set = [&easy](auto option, auto value) {
    curl_easy_setopt(easy.handle, option, value);
  };
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.total_timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  set(CURLOPT_LOW_SPEED_TIME,
      static_cast<long>(std::chrono::ceil<Seconds>(options_.stall_timeout).count()));
  set(CURLOPT_HTTPHEADER, easy.headers);
  set(CURLOPT_ERRORBUFFER, &easy.why[0]);
  set(CURLOPT_WRITEFUNCTION, &Easy::take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&easy));
  set(CURLOPT_HEADERFUNCTION, &Easy::take_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&easy));
  set(CURLOPT_FRESH_CONNECT, call.connection == WebCall::Connection::Fresh ? 1L : 0L);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &Easy::look_up);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(&easy));
  if (call.method == "GET") return {};
  set(CURLOPT_CUSTOMREQUEST, call.method.c_str());
  if (call.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  if (call.method == "HEAD" || call.method == "DELETE") return {};
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
  set(CURLOPT_POSTFIELDS, call.body.empty() ? "" : static_cast<const void*>(call.body.data()));
  return {};
}

Result<void> WebSession::send(const WebCall& call, WebReply& reply) {
  Easy& easy = *easy_;
  easy.begin(call, reply);
  if (easy.stop.stop_requested()) return fail(ErrorCode::Cancelled, "stopped");
  TRY_VOID(set_up(call));
  const CURLcode code = curl_easy_perform(easy.handle);
  long status = 0;
  curl_easy_getinfo(easy.handle, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  if (easy.too_large) return fail(ErrorCode::Http, "the answer is too large");
  if (code != CURLE_OK) return fail(detail::curl_error(code, &easy.why[0]));
  // libcurl takes a connection that ends among the headers for the end of an answer.
  if (!easy.head_complete) return fail(ErrorCode::Http, "the answer ends among its headers");
  return {};
}

}  // namespace pgkeel::runtime
