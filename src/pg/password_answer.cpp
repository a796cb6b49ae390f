// See password_answer.hpp.
#include "pg/password_answer.hpp"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace pgkeel::pg {
namespace {

constexpr std::string_view kScheme = "md5";
constexpr std::size_t kDigits = 32;

Result<std::string> md5_of(std::string_view first, std::string_view second) {
  const auto text = fmt::format("{}{}", first, second);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &bytes, EVP_md5(), nullptr) != 1)
    return fail(ErrorCode::Failed, "this OpenSSL has no MD5");
  std::string hex(kScheme);
  for (unsigned i = 0; i < bytes; ++i) fmt::format_to(std::back_inserter(hex), "{:02x}", digest[i]);
  return hex;
}

}  // namespace

Result<std::string> md5_verifier(std::string_view user, std::string_view password) {
  return md5_of(password, user);
}

Result<std::string> md5_answer(std::string_view verifier, std::string_view salt) {
  const auto digits = verifier.substr(std::min(kScheme.size(), verifier.size()));
  if (!verifier.starts_with(kScheme) || digits.size() != kDigits ||
      digits.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return fail(ErrorCode::Malformed, "no MD5 verifier");
  return md5_of(digits, salt);
}

}  // namespace pgkeel::pg
