// The server writes a CRC as the four bytes it has in memory, little-endian on every platform
// supported here. https://www.postgresql.org/docs/current/app-pgverifybackup.html
#include "pg/file_checksum.hpp"

#include <openssl/evp.h>
#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <span>

#include "base/check.hpp"

namespace pgkeel::pg {
namespace {

static_assert(std::endian::native == std::endian::little);

struct Row {
  ChecksumAlgorithm algorithm;
  std::string_view name;
  const EVP_MD* (*digest)();
};
constexpr auto kRows = std::to_array<Row>({
    {ChecksumAlgorithm::None, "NONE", nullptr},
    {ChecksumAlgorithm::Crc32c, "CRC32C", nullptr},
    {ChecksumAlgorithm::Sha224, "SHA224", EVP_sha224},
    {ChecksumAlgorithm::Sha256, "SHA256", EVP_sha256},
    {ChecksumAlgorithm::Sha384, "SHA384", EVP_sha384},
    {ChecksumAlgorithm::Sha512, "SHA512", EVP_sha512},
});

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::toupper(x) == std::toupper(y); });
}

std::string hex_of(ByteSpan bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

}  // namespace

std::optional<ChecksumAlgorithm> parse_checksum_algorithm(std::string_view name) {
  const auto row =
      std::ranges::find_if(kRows, [&](const Row& each) { return same_word(each.name, name); });
  if (row == kRows.end()) return std::nullopt;
  return row->algorithm;
}

void FileChecksum::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

FileChecksum::FileChecksum(ChecksumAlgorithm algorithm) : algorithm_(algorithm) {
  const auto* const row = std::ranges::find(kRows, algorithm, &Row::algorithm);
  if (row->digest == nullptr) return;
  context_.reset(EVP_MD_CTX_new());
  CHECK(context_ && EVP_DigestInit_ex(context_.get(), row->digest(), nullptr) == 1);
}

void FileChecksum::update(ByteSpan bytes) {
  if (algorithm_ == ChecksumAlgorithm::Crc32c) crc_.update(bytes);
  else if (context_) CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string FileChecksum::hex() {
  if (algorithm_ == ChecksumAlgorithm::Crc32c) {
    const std::uint32_t crc = crc_.value();
    return hex_of(std::as_bytes(std::span(&crc, 1)));
  }
  if (!context_) return {};
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
  return hex_of(std::as_bytes(std::span(digest).first(size)));
}

}  // namespace pgkeel::pg
