// See file_verifiers.hpp.
#include "gateway/credentials/file_verifiers.hpp"

#include <sys/random.h>

#include "pg/scram/saslprep.hpp"

namespace pgkeel::gateway {

void FileVerifiers::find(const std::string& user, const std::string&, Found found) {
  if (const auto made = made_.find(user); made != made_.end())
    return found(std::optional(made->second));
  auto answer = credentials_of(user);
  if (answer && *answer) made_[user] = **answer;
  found(std::move(answer));
}

VerifierSource::Answer FileVerifiers::credentials_of(const std::string& user) {
  const auto* stored = file_.find(user);
  if (stored == nullptr) return std::nullopt;
  if (const auto* scram = std::get_if<pg::ScramVerifier>(stored)) return Credentials{*scram};
  if (const auto* md5 = std::get_if<Md5Verifier>(stored)) return Credentials{*md5, *md5};
  return made_of(std::get<PlainPassword>(*stored));
}

VerifierSource::Answer FileVerifiers::made_of(const PlainPassword& password) {
  std::string salt(16, '\0');
  CHECK(::getrandom(salt.data(), salt.size(), 0) == static_cast<ssize_t>(salt.size()));
  const auto prepared = pg::saslprep_or_raw(password.text.view());
  TRY(keys, pg::derive_scram_keys(prepared.view(), salt, pg::kScramIterations));
  return Credentials{pg::scram_verifier_of(keys, salt, pg::kScramIterations), password};
}

}  // namespace pgkeel::gateway
