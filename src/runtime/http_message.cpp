// See http_message.hpp. Beast's parsers are fed by hand; serialising is a few lines of our own.
#include "runtime/http_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

#include "runtime/http_target.hpp"

namespace pgkeel::runtime::detail {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

// What may wait unparsed: headers, pipelined requests, a chunk's header.
constexpr std::size_t kUnparsedBytesMax = 4 * kHttpHeaderBytesMax;

std::string lower(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return lowered;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// Gives the parser what it can use of `unparsed`; what it cannot use yet stays there.
template <bool IsRequest>
error_code advance(http::parser<IsRequest, http::string_body>& parser, std::string& unparsed) {
  while (!parser.is_done() && !unparsed.empty()) {
    error_code error;
    const auto used = parser.put(boost::asio::buffer(unparsed), error);
    unparsed.erase(0, used);
    if (error == http::error::need_more)
      return unparsed.size() > kUnparsedBytesMax ? http::error::header_limit : error_code();
    if (error) return error;
  }
  return {};
}

HttpFault to_fault(const error_code& error) {
  if (error == http::error::header_limit) return {431, "the headers are too large"};
  if (error == http::error::body_limit || error == http::error::buffer_overflow)
    return {413, fmt::format("the body is larger than {} bytes", kHttpBodyBytesMax)};
  if (error == http::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return {400, "this is not a valid HTTP request"};
}

std::string without_line_breaks(std::string_view text) {
  std::string clean(text);
  std::erase_if(clean, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  return clean;
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out += fmt::format("{}: {}\r\n", without_line_breaks(name), without_line_breaks(value));
}

bool forbids_body(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

struct HttpRequestReader::State {
  using Parser = http::request_parser<http::string_body>;
  std::optional<Parser> parser;
  std::string unparsed;
  bool continue_taken = false;

  void begin() {
    parser.emplace();
    parser->eager(true);
    parser->header_limit(kHttpHeaderBytesMax);
    parser->body_limit(kHttpBodyBytesMax);
    continue_taken = false;
  }
};

HttpRequestReader::HttpRequestReader() : state_(std::make_unique<State>()) { state_->begin(); }
HttpRequestReader::~HttpRequestReader() = default;

std::expected<std::optional<HttpRequestReader::Received>, HttpFault> HttpRequestReader::feed(
    std::string_view bytes) {
  state_->unparsed.append(bytes);
  if (const auto error = advance(*state_->parser, state_->unparsed))
    return std::unexpected(to_fault(error));
  if (!state_->parser->is_done()) return std::nullopt;

  auto message = state_->parser->release();
  state_->begin();
  Received received;
  received.request.method = view(message.method_string());
  if (received.request.method == "HEAD") {
    received.request.method = "GET";
    received.response_body = Received::Body::Omitted;
  }
  if (message.keep_alive()) received.connection = Received::Connection::KeepAlive;
  if (!parse_target(view(message.target()), received.request))
    return std::unexpected(HttpFault{400, "the request target is malformed"});
  for (const auto& field : message) {
    auto& value = received.request.headers[lower(view(field.name_string()))];
    if (!value.empty()) value += ", ";
    value += view(field.value());
  }
  received.request.body = std::move(message.body());
  return received;
}

bool HttpRequestReader::take_continue() {
  const auto& parser = *state_->parser;
  if (state_->continue_taken || !parser.is_header_done() || parser.is_done()) return false;
  if (!boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) return false;
  state_->continue_taken = true;
  return true;
}

bool HttpRequestReader::midway() const {
  return state_->parser->got_some() || !state_->unparsed.empty();
}

struct HttpResponseReader::State {
  using Parser = http::response_parser<http::string_body>;
  std::optional<Parser> parser;
  std::string unparsed;
  bool has_body = true;

  void begin() {
    parser.emplace();
    parser->eager(true);
    parser->header_limit(kHttpHeaderBytesMax);
    parser->body_limit(kHttpResponseBytesMax);
    parser->skip(!has_body);
  }
};

HttpResponseReader::HttpResponseReader(bool has_body) : state_(std::make_unique<State>()) {
  state_->has_body = has_body;
  state_->begin();
}
HttpResponseReader::~HttpResponseReader() = default;

Result<std::optional<HttpResponse>> HttpResponseReader::feed(std::string_view bytes) {
  state_->unparsed.append(bytes);
  while (true) {
    const auto error = advance(*state_->parser, state_->unparsed);
    if (error == http::error::body_limit)
      return fail(ErrorCode::Http,
                  fmt::format("the response is larger than {} bytes", kHttpResponseBytesMax));
    if (error) return fail(ErrorCode::Http, "not an HTTP response: " + error.message());
    if (!state_->parser->is_done()) return std::nullopt;
    if (state_->parser->get().result_int() >= 200) break;
    state_->begin();  // an interim response, such as 103: the real one follows
  }
  auto message = state_->parser->release();
  HttpResponse response{.status = static_cast<int>(message.result_int()),
                        .content_type = std::string(view(message[http::field::content_type])),
                        .headers = {},
                        .body = std::move(message.body())};
  for (const auto& field : message)
    response.headers.emplace_back(lower(view(field.name_string())), view(field.value()));
  return response;
}

Result<HttpResponse> HttpResponseReader::finish() {
  error_code error = http::error::end_of_stream;
  if (state_->parser->got_some()) state_->parser->put_eof(error);
  if (!error) {
    TRY(response, feed({}));
    if (response) return std::move(*response);
  }
  return fail(ErrorCode::Http, "the connection ended before the response did");
}

std::string write_response(const HttpResponse& response,
                           HttpRequestReader::Received::Connection connection,
                           HttpRequestReader::Received::Body body) {
  using Received = HttpRequestReader::Received;
  const auto reason =
      http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status)));
  auto out = fmt::format("HTTP/1.1 {} {}\r\n", response.status, view(reason));
  for (const auto& [name, value] : response.headers) append_header(out, name, value);
  if (connection == Received::Connection::Close) append_header(out, "Connection", "close");
  if (!forbids_body(response.status)) {
    if (!response.body.empty()) append_header(out, "Content-Type", response.content_type);
    append_header(out, "Content-Length", std::to_string(response.body.size()));
  }
  out += "\r\n";
  if (body == Received::Body::Sent && !forbids_body(response.status)) out += response.body;
  return out;
}

std::string write_request(const HttpRequest& request, std::string_view host) {
  auto out =
      fmt::format("{} {} HTTP/1.1\r\n", without_line_breaks(request.method), write_target(request));
  append_header(out, "Host", host);
  append_header(out, "Connection", "close");
  for (const auto& [name, value] : request.headers) append_header(out, name, value);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT")
    append_header(out, "Content-Length", std::to_string(request.body.size()));
  return out + "\r\n" + request.body;
}

}  // namespace pgkeel::runtime::detail
