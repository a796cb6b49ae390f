// EVP throughout: it takes the processor's AES and SHA instructions where there are some.
#include "archive/codec/crypto.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <cstring>

#include "base/check.hpp"

namespace pgkeel::archive {
namespace {

const unsigned char* input(ByteSpan span) {
  return reinterpret_cast<const unsigned char*>(span.data());
}

unsigned char* output(std::span<std::byte> span) {
  return reinterpret_cast<unsigned char*>(span.data());
}

ByteSpan span_of(std::string_view text) { return std::as_bytes(std::span(text)); }

OSSL_PARAM octets(const char* name, ByteSpan value) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::byte*>(value.data()),
                                           value.size());
}

}  // namespace

void Sha256::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::update(ByteSpan bytes) {
  CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::hex() {
  Key256 digest{};
  CHECK(EVP_DigestFinal_ex(context_.get(), output(digest), nullptr) == 1);
  return to_hex(digest);
}

std::string sha256_hex(ByteSpan bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

std::string sha256_hex(std::string_view text) { return sha256_hex(span_of(text)); }

Key256 hkdf_sha256(const Key256& key, ByteSpan salt, std::string_view info) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(
      EVP_KDF_fetch(nullptr, "HKDF", nullptr), EVP_KDF_free);
  CHECK(kdf);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(
      EVP_KDF_CTX_new(kdf.get()), EVP_KDF_CTX_free);
  std::string digest = "SHA256";
  const std::array params = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), digest.size()),
      octets(OSSL_KDF_PARAM_KEY, key), octets(OSSL_KDF_PARAM_INFO, span_of(info)),
      salt.empty() ? OSSL_PARAM_construct_end() : octets(OSSL_KDF_PARAM_SALT, salt),
      OSSL_PARAM_construct_end()};
  Key256 derived{};
  CHECK(context &&
        EVP_KDF_derive(context.get(), output(derived), derived.size(), params.data()) == 1);
  return derived;
}

void fill_random(std::span<std::byte> bytes) {
  CHECK(RAND_bytes(output(bytes), static_cast<int>(bytes.size())) == 1);
}

std::string to_hex(ByteSpan bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const auto byte : bytes) {
    hex += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    hex += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return hex;
}

void forget(std::span<std::byte> secret) { OPENSSL_cleanse(secret.data(), secret.size()); }

void Gcm::Free::operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }

Gcm::Gcm(const Key256& key, Direction direction) : context_(EVP_CIPHER_CTX_new()) {
  CHECK(context_ && EVP_CipherInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr, input(key),
                                      nullptr, direction == Direction::Seal ? 1 : 0) == 1);
}

void Gcm::seal(const Nonce96& nonce, ByteSpan associated, ByteSpan plain,
               std::span<std::byte> into) {
  CHECK(into.size() == plain.size() + kTagBytes);
  auto* const context = context_.get();
  const auto tag = into.subspan(plain.size());
  int done = 0;
  CHECK(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, input(nonce)) == 1);
  CHECK(EVP_EncryptUpdate(context, nullptr, &done, input(associated),
                          static_cast<int>(associated.size())) == 1);
  CHECK(EVP_EncryptUpdate(context, output(into), &done, input(plain),
                          static_cast<int>(plain.size())) == 1);
  CHECK(EVP_EncryptFinal_ex(context, output(tag), &done) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                            tag.data()) == 1);
}

bool Gcm::open(const Nonce96& nonce, ByteSpan associated, ByteSpan sealed,
               std::span<std::byte> into) {
  CHECK(sealed.size() == into.size() + kTagBytes);
  auto* const context = context_.get();
  const auto cipher = sealed.first(into.size());
  std::array<std::byte, kTagBytes> tag{};
  std::memcpy(tag.data(), sealed.data() + into.size(), tag.size());
  int done = 0;
  CHECK(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, input(nonce)) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagBytes),
                            tag.data()) == 1);
  CHECK(EVP_DecryptUpdate(context, nullptr, &done, input(associated),
                          static_cast<int>(associated.size())) == 1);
  CHECK(EVP_DecryptUpdate(context, output(into), &done, input(cipher),
                          static_cast<int>(cipher.size())) == 1);
  std::array<std::byte, kTagBytes> rest{};  // GCM writes nothing here, but wants a place
  return EVP_DecryptFinal_ex(context, output(rest), &done) == 1;
}

}  // namespace pgkeel::archive
