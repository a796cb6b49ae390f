// See certificate.hpp.
#include "pg/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>
#include <memory>

namespace pgkeel::pg {
namespace {

constexpr std::size_t kPemBytesMax = 1U << 20U;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

}  // namespace

Result<WallTime> certificate_ends(std::string_view pem) {
  if (pem.size() > kPemBytesMax) return fail(ErrorCode::Malformed, "too long for a certificate");
  const Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const Certificate certificate(
      text ? PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
  std::tm ends{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &ends) != 1)
    return fail(ErrorCode::Malformed, "no certificate in it");
  return WallTime{Seconds(::timegm(&ends))};
}

Result<std::string> tls_server_end_point(ByteSpan der) {
  const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
  const Certificate certificate(der.size() > kPemBytesMax
                                    ? nullptr
                                    : d2i_X509(nullptr, &begin, static_cast<long>(der.size())),
                                X509_free);
  if (!certificate) return fail(ErrorCode::Malformed, "no certificate in DER");
  int hash = NID_undef;
  if (X509_get_signature_info(certificate.get(), &hash, nullptr, nullptr, nullptr) != 1)
    hash = NID_undef;
  if (hash == NID_md5 || hash == NID_sha1) hash = NID_sha256;
  const auto* algorithm = EVP_get_digestbynid(hash);
  if (algorithm == nullptr)
    return fail(ErrorCode::NotSupported, "a certificate whose signature names no hash");
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  if (X509_digest(certificate.get(), algorithm, digest.data(), &bytes) != 1)
    return fail(ErrorCode::Failed, "could not hash the certificate");
  return std::string(reinterpret_cast<const char*>(digest.data()), bytes);
}

}  // namespace pgkeel::pg
