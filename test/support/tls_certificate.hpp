// Certificates for tests, made in memory: an authority of one's own, or what it signs. Header only,
// for tests that link OpenSSL.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace pgkeel::test {

class TlsCertificate {
 public:
  /// `issuer`: nothing for one that signs itself. `names`: as subjectAltName is written,
  /// "DNS:localhost,IP:127.0.0.1". The name may have any bytes in it.
  explicit TlsCertificate(const std::string& common_name, const std::string& names = "",
                          const TlsCertificate* issuer = nullptr, const char* key_type = "EC")
      : key_(new_key(key_type), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
    auto* made = certificate_.get();
    const auto& by = issuer == nullptr ? *this : *issuer;
    const auto is_ed25519 = std::string(key_type) == "ED25519";
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), issuer == nullptr ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key_.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.data()),
                               static_cast<int>(common_name.size()), -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(by.certificate_.get()));
    extend(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!names.empty()) extend(NID_subject_alt_name, names.c_str());
    if (X509_sign(made, by.key_.get(), is_ed25519 ? nullptr : EVP_sha256()) == 0)
      throw std::runtime_error("could not sign a certificate");
  }

  [[nodiscard]] std::string pem() const {
    return written([this](BIO* to) { PEM_write_bio_X509(to, certificate_.get()); });
  }
  [[nodiscard]] std::string key_pem() const {
    return written([this](BIO* to) {
      PEM_write_bio_PrivateKey(to, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  [[nodiscard]] std::string encrypted_key_pem() const {
    return written([this](BIO* to) {
      PEM_write_bio_PrivateKey(to, key_.get(), EVP_aes_256_cbc(), nullptr, 0, nullptr,
                               const_cast<char*>("passphrase"));
    });
  }

 private:
  static EVP_PKEY* new_key(const std::string& type) {
    if (type == "EC") return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    return EVP_PKEY_Q_keygen(nullptr, nullptr, type.c_str());
  }
  void extend(int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate_.get(), certificate_.get(), nullptr, nullptr, 0);
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    X509_add_ext(certificate_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  template <class Write>
  static std::string written(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> to(BIO_new(BIO_s_mem()), BIO_free);
    write(to.get());
    char* text = nullptr;
    const auto bytes = BIO_get_mem_data(to.get(), &text);
    return {text, static_cast<std::size_t>(bytes)};
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

}  // namespace pgkeel::test
