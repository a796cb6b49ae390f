// See saslprep.hpp. The tables are ICU's.
#include "pg/scram/saslprep.hpp"

#include <memory>
#include <optional>
#include <vector>

#include <unicode/unorm2.h>
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

  std::int32_t count = 0;

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

/// UTF-16 at work, and whether all has gone well so far.
struct Step {
  UErrorCode status = U_ZERO_ERROR;

  void normalize(WipedUnits& from, WipedUnits& to) {
    const auto* const nfkc = unorm2_getNFKCInstance(&status);
    to.count = unorm2_normalize(nfkc, from.at(), from.count, to.at(), to.room(), &status);
  }
  void prepare(WipedUnits& from, WipedUnits& to) {
    const Profile profile(usprep_openByType(USPREP_RFC4013_SASLPREP, &status), usprep_close);
    to.count = usprep_prepare(profile.get(), from.at(), from.count, to.at(), to.room(),
                              USPREP_DEFAULT, nullptr, &status);
  }
};

// Prohibited, which ICU looks for when normalization has replaced them and PostgreSQL before.
bool has_deprecated_accent(WipedUnits& text) {
  return std::any_of(text.at(), text.at() + text.count,
                     [](UChar unit) { return unit == 0x0340 || unit == 0x0341; });
}

// The profile knows which characters are taken, but normalizes as Unicode 3.2 did: five have become
// others since. So what it takes is normalized as PostgreSQL does it before it is prepared.
std::optional<SecretText> prepared(std::string_view password) {
  Step step;
  WipedUnits plain(password.size() + 1);
  u_strFromUTF8(plain.at(), plain.room(), &plain.count, password.data(),
                static_cast<std::int32_t>(password.size()), &step.status);
  if (U_FAILURE(step.status) || has_deprecated_accent(plain)) return std::nullopt;
  WipedUnits units(static_cast<std::size_t>(plain.count) * kGrowthMost + 1);
  WipedUnits normal(static_cast<std::size_t>(plain.count) * kGrowthMost + 1);
  step.prepare(plain, units);
  step.normalize(plain, normal);
  step.prepare(normal, units);
  if (U_FAILURE(step.status)) return std::nullopt;
  return to_utf8(units.at(), units.count);
}

}  // namespace

SecretText saslprep_or_raw(std::string_view password) {
  if (!is_ascii(password) && password.size() <= kPasswordBytesMost)
    if (auto text = prepared(password)) return *std::move(text);
  return SecretText(std::string(password));
}

}  // namespace pgkeel::pg
