// See stored_password.hpp.
#include "gateway/credentials/stored_password.hpp"

namespace pgkeel::gateway {
namespace {

constexpr std::string_view kScramPrefix = "SCRAM-SHA-256$";
constexpr std::string_view kMd5Prefix = "md5";
constexpr std::size_t kMd5Bytes = 35;

bool is_md5(std::string_view text) {
  return text.size() == kMd5Bytes && text.starts_with(kMd5Prefix) &&
         text.find_first_not_of("0123456789abcdef", kMd5Prefix.size()) == std::string_view::npos;
}

}  // namespace

Result<StoredPassword> parse_stored_password(std::string_view text) {
  if (text.empty()) return fail(ErrorCode::Malformed, "an empty password");
  if (is_md5(text)) return Md5Verifier{SharedSecret(std::string(text))};
  if (!text.starts_with(kScramPrefix)) return PlainPassword{SharedSecret(std::string(text))};
  TRY(verifier, pg::parse_scram_verifier(text));
  return verifier;
}

}  // namespace pgkeel::gateway
