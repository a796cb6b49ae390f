// HTTP/1.1 between bytes and messages, without I/O. Beast parses, and is seen only in
// http_message.cpp, so that one file pays for compiling it. Private to the room.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http.hpp"

namespace pgkeel::runtime::detail {

// A browser with a large cookie sends 4 kB; nothing of ours comes near.
inline constexpr std::size_t kHttpHeaderBytesMax = 16U << 10U;

/// What the peer did wrong, as the status that answers it and a sentence.
struct HttpFault {
  int status = 400;
  std::string reason;
};

/// Takes bytes as they come and yields requests. Pipelined requests wait in it.
class HttpRequestReader {
 public:
  HttpRequestReader();
  ~HttpRequestReader();
  HttpRequestReader(const HttpRequestReader&) = delete;
  HttpRequestReader& operator=(const HttpRequestReader&) = delete;

  struct Received {
    HttpRequest request;  ///< HEAD is given as GET
    enum class Connection { Close, KeepAlive } connection = Connection::Close;
    enum class Body { Sent, Omitted } response_body = Body::Sent;  ///< Omitted: it was HEAD
  };
  /// The next request, nullopt when more bytes are needed, or what is wrong with it; after a fault
  /// the connection is of no further use.
  std::expected<std::optional<Received>, HttpFault> feed(std::string_view bytes);
  /// True once when the peer waits for "100 Continue" before it sends the body.
  bool take_continue();
  /// Whether a request has begun and not ended.
  [[nodiscard]] bool midway() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Takes the bytes of one response.
class HttpResponseReader {
 public:
  explicit HttpResponseReader(bool has_body);
  ~HttpResponseReader();
  HttpResponseReader(const HttpResponseReader&) = delete;
  HttpResponseReader& operator=(const HttpResponseReader&) = delete;

  /// The response, nullopt when more bytes are needed; Http when it is none or too large.
  Result<std::optional<HttpResponse>> feed(std::string_view bytes);
  /// The peer has closed: the response when that is how its body ends, else Http.
  Result<HttpResponse> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The bytes of a response. Line breaks in header values are dropped: they would begin new headers.
[[nodiscard]] std::string write_response(const HttpResponse& response,
                                         HttpRequestReader::Received::Connection connection,
                                         HttpRequestReader::Received::Body body);
/// The bytes of a request that asks the peer to close afterwards. `host` is its Host header.
[[nodiscard]] std::string write_request(const HttpRequest& request, std::string_view host);

}  // namespace pgkeel::runtime::detail
