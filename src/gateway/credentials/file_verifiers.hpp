// A password file as what clients are asked to prove: see password_file.hpp.
#pragma once

#include <map>

#include "gateway/credentials/password_file.hpp"
#include "gateway/relay/verifier_source.hpp"

namespace pgkeel::gateway {

/// Of a plain password a verifier is made when its user first comes, which takes a few milliseconds
/// once; the password itself then opens the server.
class FileVerifiers final : public VerifierSource {
 public:
  explicit FileVerifiers(PasswordFile file) : file_(std::move(file)) {}
  void find(const std::string& user, const std::string& database, Found found) override;

 private:
  [[nodiscard]] Answer credentials_of(const std::string& user);
  [[nodiscard]] Answer made_of(const PlainPassword& password);

  PasswordFile file_;
  std::map<std::string, Credentials> made_;
};

}  // namespace pgkeel::gateway
