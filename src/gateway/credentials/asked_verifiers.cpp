// See asked_verifiers.hpp.
#include "gateway/credentials/asked_verifiers.hpp"

#include <utility>

namespace pgkeel::gateway {
namespace {

std::optional<Credentials> credentials_of(const std::optional<StoredPassword>& stored) {
  if (!stored) return std::nullopt;
  if (const auto* scram = std::get_if<pg::ScramVerifier>(&*stored)) return Credentials{*scram};
  if (const auto* md5 = std::get_if<Md5Verifier>(&*stored)) return Credentials{*md5, *md5};
  return std::nullopt;  // no server stores a password as it is
}

}  // namespace

AskedVerifiers::AskedVerifiers(Ask ask, Post post, Millis patience)
    : ask_(std::move(ask)),
      post_(std::move(post)),
      patience_(patience),
      thread_([this] { work(); }) {}

AskedVerifiers::~AskedVerifiers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_all();
  thread_.join();
}

void AskedVerifiers::find(const std::string& user, const std::string&, Found found) {
  const auto known = known_.find(user);
  if (known != known_.end() && SteadyClock::now() - known->second.asked < kFresh)
    return found(known->second.credentials);
  {
    const std::lock_guard lock(mutex_);
    if (questions_.size() < kAskedMost) {
      questions_.push_back({user, std::move(found), SteadyClock::now() + patience_});
      asked_.notify_one();
      return;
    }
  }
  found(fail(ErrorCode::Refused, "too many logins at once"));
}

// One that cannot be answered stays in front: then the server is away, for the others too.
void AskedVerifiers::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
    if (stopping_) return;
    const auto user = questions_.front().user;
    lock.unlock();
    const auto answer = ask_(user);
    lock.lock();
    if (answer) tell_front(answer);
    else give_up(answer.error());
    if (!answer) asked_.wait_for(lock, kAskAgain, [this] { return stopping_; });
  }
}

void AskedVerifiers::tell_front(const StoredVerifier& answer) {
  auto question = std::move(questions_.front());
  questions_.pop_front();
  post_([this, question = std::move(question), answer] { answered(question, answer); });
}

// Those that have waited long enough for a server that is away: the oldest are in front.
void AskedVerifiers::give_up(const Error& why) {
  while (!questions_.empty() && questions_.front().until <= SteadyClock::now())
    tell_front(fail(why));
}

void AskedVerifiers::answered(const Question& question, const StoredVerifier& answer) {
  if (!answer) return question.found(fail(answer.error()));
  auto credentials = credentials_of(*answer);
  // Who is none is not kept: whoever guesses names would fill the memory.
  if (credentials) known_[question.user] = {credentials, SteadyClock::now()};
  else known_.erase(question.user);
  question.found(std::move(credentials));
}

}  // namespace pgkeel::gateway
