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
    : ask_(std::move(ask)), post_(std::move(post)), patience_(patience), thread_([this] { work(); }) {}

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
      questions_.push_back({user, std::move(found), known != known_.end(),
                            SteadyClock::now() + patience_});
      asked_.notify_one();
      return;
    }
  }
  found(fail(ErrorCode::Refused, "too many logins at once"));
}

void AskedVerifiers::work() {
  for (;;) {
    Question question;
    {
      std::unique_lock lock(mutex_);
      asked_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
      if (stopping_) return;
      question = std::move(questions_.front());
      questions_.pop_front();
    }
    auto answer = ask_(question.user);
    if (!answer && !question.known && SteadyClock::now() < question.until && put_back(question))
      continue;
    post_([this, question = std::move(question), answer = std::move(answer)] {
      answered(question, answer);
    });
  }
}

// The server may be back in a moment: a login is no reason for an error while there is time.
bool AskedVerifiers::put_back(Question& question) {
  std::unique_lock lock(mutex_);
  asked_.wait_for(lock, kAskAgain, [this] { return stopping_; });
  questions_.push_back(std::move(question));
  return true;
}

void AskedVerifiers::answered(const Question& question, const StoredVerifier& answer) {
  if (!answer) {
    const auto known = known_.find(question.user);
    if (known == known_.end()) return question.found(fail(answer.error()));
    return question.found(known->second.credentials);
  }
  auto credentials = credentials_of(*answer);
  // Who is none is not kept: whoever guesses names would fill the memory.
  if (credentials) known_[question.user] = {credentials, SteadyClock::now()};
  else known_.erase(question.user);
  question.found(std::move(credentials));
}

}  // namespace pgkeel::gateway
