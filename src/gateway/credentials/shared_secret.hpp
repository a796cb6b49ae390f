// A text that proves somebody, kept once and shared: wiped when the last that holds it goes.
// It refuses to be printed.
#pragma once

#include <memory>

#include "pg/scram/secret.hpp"

namespace pgkeel::gateway {

class SharedSecret {
 public:
  SharedSecret() : SharedSecret(std::string()) {}
  explicit SharedSecret(std::string text)
      : text_(std::make_shared<const pg::SecretText>(std::move(text))) {}

  [[nodiscard]] std::string_view view() const { return text_->view(); }

 private:
  std::shared_ptr<const pg::SecretText> text_;
};

}  // namespace pgkeel::gateway
