// See saslprep.hpp. The tables are ICU's.
#include "pg/scram/saslprep.hpp"

#include <memory>
#include <optional>
#include <vector>

#include <unicode/uclean.h>
#include <unicode/usprep.h>
#include <unicode/ustring.h>

namespace pgkeel::pg {
namespace {

/// The server takes no longer one from a client (PG_MAX_AUTH_TOKEN_LENGTH).
constexpr std::size_t kPasswordBytesMost = 65'535;
/// NFKC makes at most 18 of one code unit.
constexpr std::size_t kGrowthMost = 18;

using Profile = std::unique_ptr<UStringPrepProfile, decltype(&usprep_close)>;

/// UTF-16 that is wiped when it goes.
class WipedUnits {
 public:
  explicit WipedUnits(std::size_t room) : units_(room) {}
  ~WipedUnits() { OPENSSL_cleanse(units_.data(), units_.size() * sizeof(UChar)); }
  WipedUnits(const WipedUnits&) = delete;
  WipedUnits& operator=(const WipedUnits&) = delete;
  [[nodiscard]] UChar* at() { return units_.data(); }
  [[nodiscard]] std::int32_t room() const { return static_cast<std::int32_t>(units_.size()); }

 private:
  std::vector<UChar> units_;
};

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::optional<SecretText> to_utf8(const UChar* units, std::int32_t count) {
  std::string text(static_cast<std::size_t>(count) * 3 + 1, '\0');
  auto status = U_ZERO_ERROR;
  std::int32_t bytes = 0;
  u_strToUTF8(text.data(), static_cast<std::int32_t>(text.size()), &bytes, units, count, &status);
  text.resize(U_SUCCESS(status) ? static_cast<std::size_t>(bytes) : 0);
  if (text.empty()) return std::nullopt;
  return SecretText(std::move(text));
}

std::optional<SecretText> prepared(std::string_view password) {
  auto status = U_ZERO_ERROR;
  WipedUnits plain(password.size() + 1);
  std::int32_t count = 0;
  u_strFromUTF8(plain.at(), plain.room(), &count, password.data(),
                static_cast<std::int32_t>(password.size()), &status);
  if (U_FAILURE(status)) return std::nullopt;
  const Profile profile(usprep_openByType(USPREP_RFC4013_SASLPREP, &status), usprep_close);
  WipedUnits units(static_cast<std::size_t>(count) * kGrowthMost + 1);
  const auto made = usprep_prepare(profile.get(), plain.at(), count, units.at(), units.room(),
                                   USPREP_DEFAULT, nullptr, &status);
  if (U_FAILURE(status)) return std::nullopt;
  return to_utf8(units.at(), made);
}

}  // namespace

SecretText saslprep_or_raw(std::string_view password) {
  if (!is_ascii(password) && password.size() <= kPasswordBytesMost)
    if (auto text = prepared(password)) return *std::move(text);
  return SecretText(std::string(password));
}

}  // namespace pgkeel::pg
