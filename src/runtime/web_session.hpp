// Requests to a server elsewhere, one after another over a connection that is kept: for jobs that
// block in a process or thread of their own (stores). Never in the guard's loop; see web_client.hpp
// for that, whose rules hold here too: certificates verified, only http and https, no redirect
// followed, every wait and every answer limited, no URL in an error.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace pgkeel::runtime {

struct WebSessionOptions {
  Millis connect_timeout{10'000};
  Millis stall_timeout{30'000};   ///< less than 1 kB a second for so long ends a request
  Millis total_timeout{900'000};  ///< of one request; whole objects are sent in parts
  std::stop_token stop = {};      ///< ends a request within about a second
};

struct WebCall {
  std::string method = "GET";
  std::string url = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  ByteSpan body = {};  ///< stays where it is during the call
  std::size_t answer_bytes_max = 64U << 10U;
  /// libcurl sends a request again by itself when a kept connection turns out to be dead. Fresh is
  /// for requests of which one has to know whether they were sent once.
  enum class Connection { Kept, Fresh } connection = Connection::Kept;
};

struct WebReply {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case; of a repeated one the last
  std::string body;
};

/// Not for two threads at once.
class WebSession {
 public:
  static Result<std::unique_ptr<WebSession>> create(WebSessionOptions options = {});
  ~WebSession();
  WebSession(const WebSession&) = delete;
  WebSession& operator=(const WebSession&) = delete;

  /// Sends it and waits for the whole answer; a 4xx or 5xx is an answer, not an error. `reply`
  /// holds what arrived even when the way broke in the middle. ConnectionFailed (name, port,
  /// certificate: nothing was sent), TimedOut, Cancelled, ConfigBadValue for a URL that is none,
  /// Http for the rest: too large an answer, a connection cut. After TimedOut, Cancelled and Http
  /// the server may have done what it was asked.
  Result<void> send(const WebCall& call, WebReply& reply);

 private:
  struct Easy;
  explicit WebSession(WebSessionOptions options);
  [[nodiscard]] Result<void> set_up(const WebCall& call);

  WebSessionOptions options_;
  std::unique_ptr<Easy> easy_;
};

}  // namespace pgkeel::runtime
