// Verifiers as the server has them, asked for by a thread and a session of the gateway's own, so
// that no query waits for a login (docs/adr/0012).
// It guarantees: what was asked for within kFresh is not asked again, and nothing older is
// believed, so that a password that was changed lets nobody in; while the server is away logins
// wait. No password is ever known.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "base/time.hpp"
#include "gateway/relay/verifier_source.hpp"

namespace pgkeel::gateway {

/// What a server says of a user; nothing: it has no such user, or none that may log in.
using StoredVerifier = Result<std::optional<StoredPassword>>;

class AskedVerifiers final : public VerifierSource {
 public:
  /// A changed password is known after this.
  static constexpr Millis kFresh{2000};
  /// Asked for and not answered: beyond, a login is refused.
  static constexpr std::size_t kAskedMost = 10'000;
  static constexpr Millis kAskAgain{100};

  /// Asks the server, on the thread; blocks as long as that takes, which is to be seconds at most.
  using Ask = std::function<StoredVerifier(const std::string& user)>;
  /// Has a call made on the worker's thread.
  using Post = std::function<void(std::function<void()>)>;
  /// `patience`: a login waits so long for a server that cannot be asked.
  AskedVerifiers(Ask ask, Post post, Millis patience);
  ~AskedVerifiers() override;

  void find(const std::string& user, const std::string& database, Found found) override;

 private:
  struct Known {
    std::optional<Credentials> credentials;
    SteadyTime asked;
  };
  struct Question {
    std::string user;
    Found found;
    SteadyTime until;
  };
  void work();
  void tell_front(const StoredVerifier& answer);
  void give_up(const Error& why);
  void answered(const Question& question, const StoredVerifier& answer);

  Ask ask_;
  Post post_;
  Millis patience_;
  std::map<std::string, Known> known_;  ///< of the worker's thread
  std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<Question> questions_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pgkeel::gateway
