// Requests to servers elsewhere, over TLS: alert channels, hooks, stores. libcurl runs on one
// thread of its own, started with the first request, so that neither a slow name server nor a
// handshake ever holds up the loop or its blocking pool. Guarantees: certificates are verified,
// only http and https are spoken (and SMTP, to hand a message to a mail server), no redirect is
// followed (it would carry a token elsewhere), every request has a time limit and every answer a
// size limit. It refuses to put a URL into an error: a URL may hold a token.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::runtime {

/// From the look-up of the name to the last byte of the answer.
inline constexpr Millis kWebTimeout{10'000};
/// Answers of such services are a few hundred bytes; more is not read and is an error.
inline constexpr std::size_t kWebAnswerBytesMax = 64U << 10U;

/// A message for a mail server. Addresses are bare: "ann@example.org".
struct MailEnvelope {
  std::string from;
  std::vector<std::string> to;
  std::string user;  ///< empty: no login
  std::string password;
};

struct WebRequest {
  std::string method = "GET";
  /// http:// or https://; of a message smtp:// or smtps://. smtp:// means STARTTLS, or it fails;
  /// only on a loopback address and without a login it is plain.
  std::string url;
  std::optional<MailEnvelope> mail;  ///< set: `body` is a message, with its header, lines end CRLF
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Millis timeout = kWebTimeout;
  std::size_t answer_bytes_max = kWebAnswerBytesMax;
};

struct WebAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case; of a repeated one the last
  std::string body;
};

class WebClient {
 public:
  explicit WebClient(Loop& loop);
  /// Ends what is under way; before the loop.
  ~WebClient();
  WebClient(const WebClient&) = delete;
  WebClient& operator=(const WebClient&) = delete;

  /// One request on a connection of its own. ConnectionFailed when nobody answers (name, port,
  /// certificate), TimedOut, Http when the answer is none or too large, ConfigBadValue for a URL
  /// that is none. A 4xx or 5xx is an answer, not an error, of a
  /// mail server too. Destroying the task ends the wait.
  Task<Result<WebAnswer>> send(WebRequest request);

 private:
  class Thread;
  Loop* loop_;
  std::shared_ptr<Thread> thread_;
};

}  // namespace pgkeel::runtime
