// One call for each alternative of a variant: std::visit(Overloaded{[](A) {}, [](B) {}}, variant).
#pragma once

namespace pgkeel {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace pgkeel
