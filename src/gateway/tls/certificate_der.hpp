// A certificate that OpenSSL has, as what SCRAM binds to.
#pragma once

#include <openssl/x509.h>

#include <string>

#include "pg/certificate.hpp"

namespace pgkeel::gateway {

/// tls_server_end_point(); empty for none, and where the signature names no hash (Ed25519).
[[nodiscard]] inline std::string end_point_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int bytes = certificate == nullptr ? 0 : i2d_X509(certificate, &der);
  if (bytes <= 0) return {};
  const auto hashed =
      pg::tls_server_end_point(std::as_bytes(std::span(der, static_cast<std::size_t>(bytes))));
  OPENSSL_free(der);
  return hashed.value_or("");
}

}  // namespace pgkeel::gateway
