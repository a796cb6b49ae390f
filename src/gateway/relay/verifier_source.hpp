// Where the gateway learns what a client must prove, and what opens the server for it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "gateway/session/client_proof.hpp"
#include "gateway/session/server_proof.hpp"

namespace pgkeel::gateway {

struct Credentials {
  ClientVerifier verifier;
  /// Where the client's own proof gives no key to the server.
  ServerCredentials server = NoCredentials{};
};

class VerifierSource {
 public:
  /// Nothing: there is no such user, or it may not log in. An error: nobody can tell now.
  using Answer = Result<std::optional<Credentials>>;
  using Found = std::function<void(Answer)>;
  virtual ~VerifierSource() = default;
  /// Answers at once or later, on the worker's thread, and exactly once; a client that has gone
  /// meanwhile is the caller's to notice.
  virtual void find(const std::string& user, const std::string& database, Found found) = 0;
};

/// Whoever may connect is trusted: for a Unix socket that only its directory's owners reach.
class TrustEverybody final : public VerifierSource {
 public:
  void find(const std::string&, const std::string&, Found found) override {
    found(std::optional(Credentials{Trusted{}}));
  }
};

}  // namespace pgkeel::gateway
