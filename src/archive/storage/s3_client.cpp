// See s3_client.hpp; what an answer means is in s3_error.cpp.
#include "archive/storage/s3_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <random>

#include "archive/codec/crypto.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::size_t kIdleMax = 8;  // as many threads as ever transfer at once
constexpr Seconds kRetryAfterMax{30};

double random_unit() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator);
}

Millis retry_after(const S3Reply& reply) {
  const auto text = reply.header("retry-after");
  int seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (read.ec != std::errc() || seconds < 0) return Millis(0);
  return std::min(Seconds(seconds), kRetryAfterMax);
}

// A server error may come after the deed; that it was too busy to begin is said by 429 and 503.
bool may_have_acted(const S3Reply& reply) { return reply.status == 500 || reply.status >= 502; }
bool may_have_acted(const Error& error) { return error.code != ErrorCode::ConnectionFailed; }

}  // namespace

std::string S3Reply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

bool S3Retry::wait(Millis at_least) {
  ++failed_;
  if (failed_ >= options_.attempts) return false;
  const auto pause =
      std::max(at_least, client::full_jitter(options_.backoff, failed_, random_unit()));
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, options_.session.stop, pause, [] { return false; });
  return !options_.session.stop.stop_requested();
}

Result<S3Reply> S3Client::send(const S3Request& request) {
  S3Retry retry(options_);
  bool doubtful = false;
  while (true) {
    S3Reply reply;
    auto sent = try_once(request, reply);
    if (sent && !is_passing(reply)) {
      reply.doubtful = doubtful;
      return reply;
    }
    if (!sent && !is_passing(sent.error())) return fail(std::move(sent).error());
    doubtful = doubtful || (sent ? may_have_acted(reply) : may_have_acted(sent.error()));
    if (retry.wait(sent ? retry_after(reply) : Millis(0))) continue;
    if (!sent) return unreachable(std::move(sent).error());
    reply.doubtful = doubtful;
    return reply;
  }
}

std::unexpected<Error> S3Client::unreachable(Error error) const {
  if (error.code == ErrorCode::ConnectionFailed) {
    error.hint_override =
        "Check the store's endpoint, that it can be reached from here, and that its certificate is "
        "from an authority this system knows.";
  }
  return fail(std::move(error).with_context(address_.describe()));
}

Result<void> S3Client::try_once(const S3Request& request, S3Reply& reply) {
  TRY(session, take_session());
  runtime::WebReply raw;
  raw.body = std::move(reply.body);
  auto sent = session->send(call_of(request), raw);
  reply.status = raw.status;
  reply.headers = std::move(raw.headers);
  reply.body = std::move(raw.body);
  reply.problem = {};
  if (!sent) return sent;
  give_back(std::move(session));
  // CompleteMultipartUpload sends its 200 before it knows: the error is then in the body.
  if (!reply.ok() || request.method == "POST") reply.problem = parse_s3_problem(reply.body);
  if (reply.ok() && !reply.problem.code.empty()) reply.status = 500;
  return {};
}

runtime::WebCall S3Client::call_of(const S3Request& request) const {
  const auto date = amz_date(wall_now());
  SignedRequest to_sign;
  to_sign.method = request.method;
  to_sign.path = address_.path(request.key);
  to_sign.query = request.query;
  to_sign.body_sha256 = sha256_hex(request.body);
  to_sign.headers = request.headers;
  to_sign.headers.emplace_back("x-amz-content-sha256", to_sign.body_sha256);
  to_sign.headers.emplace_back("x-amz-date", date);
  // Object locks require it; the digest above it is what proves the content.
  if (request.method == "PUT")
    to_sign.headers.emplace_back("content-md5", md5_base64(request.body));
  runtime::WebCall call;
  call.method = request.method;
  call.url = address_.url(to_sign.path, query_text(request.query));
  call.headers = to_sign.headers;
  call.body = request.body;
  call.answer_bytes_max = request.answer_bytes_max;
  call.connection = request.connection;
  to_sign.headers.emplace_back("host", address_.host_header());
  call.headers.emplace_back("Authorization", authorization(to_sign, address_.key, date));
  // Without it libcurl would name a form's type.
  if (request.method == "PUT" || request.method == "POST")
    call.headers.emplace_back("Content-Type", "application/octet-stream");
  return call;
}

Result<S3Client::Session> S3Client::take_session() {
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      auto session = std::move(idle_.back());
      idle_.pop_back();
      return session;
    }
  }
  return runtime::WebSession::create(options_.session);
}

void S3Client::give_back(Session session) {
  const std::scoped_lock lock(mutex_);
  if (idle_.size() < kIdleMax) idle_.push_back(std::move(session));
}

}  // namespace pgkeel::archive
