// Signed requests to one bucket: over kept connections, tried again while the trouble is one that
// passes, every answer that is none of these given to the caller. Blocking; safe for several
// threads at once, each on a connection of its own.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "archive/storage/s3_address.hpp"
#include "archive/storage/s3_xml.hpp"
#include "client/backoff.hpp"
#include "runtime/web_session.hpp"

namespace pgkeel::archive {

struct S3Options {
  /// Ten tries have about half a minute of waiting between them, which outlasts a restart of the
  /// store; what is longer is for the caller.
  int attempts = 10;
  client::Backoff backoff{.base = Millis(200), .cap = Millis(20'000)};
  runtime::WebSessionOptions session = {};
};

struct S3Request {
  std::string method = "GET";
  std::string key = {};  ///< in the bucket; "" is the bucket itself
  NameValues query = {};
  NameValues headers = {};  ///< names in lower case; those of the body and the signature are added
  ByteSpan body = {};
  std::size_t answer_bytes_max = 64U << 10U;
  runtime::WebCall::Connection connection = runtime::WebCall::Connection::Kept;
};

struct S3Reply {
  int status = 0;
  std::map<std::string, std::string> headers = {};
  std::string body = {};
  S3Problem problem = {};
  /// An earlier try of this request may have been carried out although its answer was lost. Only
  /// of one over fresh connections is it sure when this is false.
  bool doubtful = false;

  [[nodiscard]] bool ok() const { return status / 100 == 2; }
  [[nodiscard]] std::string header(const std::string& name) const;
};

/// Counts the tries of one request and waits between them.
class S3Retry {
 public:
  explicit S3Retry(const S3Options& options) : options_(options) {}
  /// Waits; false when there have been tries enough or everything is to stop.
  [[nodiscard]] bool wait(Millis at_least);
  /// What follows counts as a new request: this one has brought something.
  void progressed() { failed_ = 0; }

 private:
  const S3Options& options_;
  int failed_ = 0;
};

class S3Client {
 public:
  S3Client(S3Address address, S3Options options)
      : address_(std::move(address)), options_(std::move(options)) {}

  [[nodiscard]] const S3Address& address() const { return address_; }
  [[nodiscard]] const S3Options& options() const { return options_; }

  /// Any answer that does not pass by itself, 4xx included. ConnectionFailed, TimedOut, Http,
  /// Cancelled.
  Result<S3Reply> send(const S3Request& request);
  /// One try; `reply` holds what arrived even when the way broke in the middle.
  Result<void> try_once(const S3Request& request, S3Reply& reply);
  /// What an answer that is not ok() means; `what` as in "read wal/...".
  [[nodiscard]] Error error_of(const S3Reply& reply, std::string_view what) const;

  /// False once the store has said that it knows no conditional writes.
  [[nodiscard]] bool is_conditional() const { return conditional_; }
  void set_unconditional() { conditional_ = false; }

 private:
  using Session = std::unique_ptr<runtime::WebSession>;
  Result<Session> take_session();
  void give_back(Session session);
  [[nodiscard]] std::unexpected<Error> unreachable(Error error) const;
  [[nodiscard]] runtime::WebCall call_of(const S3Request& request) const;

  const S3Address address_;
  const S3Options options_;
  std::atomic<bool> conditional_ = true;
  std::mutex mutex_;  // guards the one below
  std::vector<Session> idle_;
};

/// Whether the same request may well succeed a little later.
[[nodiscard]] bool is_passing(const S3Reply& reply);
[[nodiscard]] bool is_passing(const Error& error);

}  // namespace pgkeel::archive
