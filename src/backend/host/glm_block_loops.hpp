// Included once by each of glm_blocks_avx2.cpp and glm_blocks_avx512.cpp, within their anonymous
// namespace, behind a vector type `Vector` of `lanes` doubles and the functions of its elements:
// the type of real numbers that families and links are functors of, and their loops over a block.

struct Real {
  Vector v;
  Real(Vector value) : v(value) {}
  Real(double value) : v(broadcast(value)) {}
};
struct Mask {
  VectorMask m;
};

Real operator+(Real a, Real b) {
  return a.v + b.v;
}
Real operator-(Real a, Real b) {
  return a.v - b.v;
}
Real operator*(Real a, Real b) {
  return a.v * b.v;
}
Real operator/(Real a, Real b) {
  return a.v / b.v;
}
Mask operator<(Real a, Real b) {
  return {less(a.v, b.v)};
}
Mask operator>(Real a, Real b) {
  return {less(b.v, a.v)};
}
Mask operator&(Mask a, Mask b) {
  return {both(a.m, b.m)};
}
Real select(Mask mask, Real a, Real b) {
  return choose(mask.m, a.v, b.v);
}
Real minimum(Real a, Real b) {
  return select(b < a, b, a);
}
Real maximum(Real a, Real b) {
  return select(a < b, b, a);
}
Real absolute(Real a) {
  return select(a < Real(0.), Real(0.) - a, a);
}
Real sqrt(Real a) {
  return square_root(a.v);
}
Real exp(Real a) {
  return SERRIED_SLEEF_F64(exp, u10)(a.v);
}
Real expm1(Real a) {
  return SERRIED_SLEEF_F64(expm1, u10)(a.v);
}
Real log(Real a) {
  return SERRIED_SLEEF_F64(log, u10)(a.v);
}
Real log1p(Real a) {
  return SERRIED_SLEEF_F64(log1p, u10)(a.v);
}
Real erfc(Real a) {
  return SERRIED_SLEEF_F64(erfc, u15)(a.v);
}
Real lgamma(Real a) {
  return SERRIED_SLEEF_F64(lgamma, u10)(a.v);
}
Real pow(Real a, Real b) {
  return SERRIED_SLEEF_F64(pow, u10)(a.v, b.v);
}

Real at(const double* values, std::int64_t i) {
  return load(values + i);
}
void put(double* values, std::int64_t i, Real value) {
  store(values + i, value.v);
}

constexpr double nearly_a_bound = 1e-8;

template <class Link>
void link_mean(const GlmBlock& b) {
  for (std::int64_t i = 0; i < b.count; i += lanes) {
    const glm::Mean<Real> m = Link::mean(at(b.predictor, i), b.link_power);
    put(b.mean, i, m.mean);
    put(b.rest, i, m.rest);
    put(b.slope, i, m.slope);
  }
}

template <class Link>
void link_predictor(const GlmBlock& b) {
  for (std::int64_t i = 0; i < b.count; i += lanes)
    put(b.predictor, i, Link::predictor(at(b.mean, i), at(b.rest, i), b.link_power));
}

template <class Family>
void family_start(const GlmBlock& b) {
  for (std::int64_t i = 0; i < b.count; i += lanes) {
    const Real mean = Family::start(at(b.response, i), at(b.weight, i), b.family_parameter);
    put(b.mean, i, mean);
    put(b.rest, i, Real(1.) - mean);
  }
}

template <class Family>
void family_weigh(const GlmBlock& b) {
  const Real zero(0.);
  const Real one(1.);
  for (std::int64_t i = 0; i < b.count; i += lanes) {
    const Real y = at(b.response, i);
    const Real weight = at(b.weight, i);
    const glm::Mean<Real> m{at(b.mean, i), at(b.rest, i), at(b.slope, i)};
    const Real variance = Family::variance(m, b.family_parameter);
    const Real work = weight * (m.slope * m.slope / variance);
    const Real residual = (y - m.mean) / m.slope;
    const Real deviance = weight * Family::deviance(y, m, b.family_parameter);
    const Mask has_mean = (Real(Family::facts.mean_low) < m.mean) &
                          (m.mean < Real(Family::facts.mean_high)) &
                          (absolute(residual) < Real(std::numeric_limits<double>::infinity())) &
                          (work < Real(std::numeric_limits<double>::infinity()));
    const Mask is_used = zero < weight;
    const Mask is_valid = is_used & has_mean;
    put(b.working_weight, i, select(is_valid, work, zero));
    put(b.working_residual, i, select(is_valid, residual, zero));
    put(b.deviance, i, select(is_valid, deviance, zero));
    put(b.invalid, i, select(is_used, select(has_mean, zero, one), zero));
    Real extreme = zero;
    if constexpr (Family::facts.mean_low == 0)
      extreme = select(m.mean < Real(nearly_a_bound), one, extreme);
    if constexpr (Family::facts.mean_high == 1)
      extreme = select(m.rest < Real(nearly_a_bound), one, extreme);
    put(b.extreme, i, select(is_valid, extreme, zero));
  }
}

template <class Family>
void family_likelihood(const GlmBlock& b) {
  for (std::int64_t i = 0; i < b.count; i += lanes) {
    const Real weight = at(b.weight, i);
    const Real terms =
        Family::likelihood(at(b.response, i), weight, at(b.trials, i), b.family_parameter);
    put(b.deviance, i, select(Real(0.) < weight, terms, Real(0.)));
  }
}

void theta_terms(const GlmBlock& b) {
  const Real theta(b.family_parameter);
  for (std::int64_t i = 0; i < b.count; i += lanes) {
    const Real y = at(b.response, i);
    const Real weight = at(b.weight, i);
    const Real mean = at(b.mean, i);
    const Mask is_used = Real(0.) < weight;
    const Real score = weight * glm::NegativeBinomial::theta_score(y, mean, theta);
    const Real information = weight * glm::NegativeBinomial::theta_information(y, mean, theta);
    put(b.deviance, i, select(is_used, score, Real(0.)));
    put(b.extreme, i, select(is_used, information, Real(0.)));
  }
}

// Exponentials of differences from the largest predictor, which is 0 or more.
void softmax(const SoftmaxBlock& b) {
  for (std::int64_t i = 0; i < b.count; i += lanes) {
    const Real y = at(b.response, i);
    Real largest(0.);
    Real own(0.);
    for (std::int64_t k = 1; k < b.classes; ++k) {
      const Real predictor = at(b.values, (k - 1) * b.stride + i);
      largest = maximum(largest, predictor);
      const Real number(static_cast<double>(k));
      own = select(y < number, own, select(number < y, own, predictor));
    }
    const Real of_first = exp(Real(0.) - largest);
    Real sum = of_first;
    for (std::int64_t k = 0; k + 1 < b.classes; ++k) {
      const Real share = exp(at(b.values, k * b.stride + i) - largest);
      sum = sum + share;
      put(b.values, k * b.stride + i, share);
    }
    const Real inverse = Real(1.) / sum;
    put(b.first, i, of_first * inverse);
    for (std::int64_t k = 0; k + 1 < b.classes; ++k)
      put(b.values, k * b.stride + i, at(b.values, k * b.stride + i) * inverse);
    const Real weight = at(b.weight, i);
    put(b.log_likelihood, i,
        select(Real(0.) < weight, weight * (own - largest - log(sum)), Real(0.)));
  }
}

template <class List>
struct Tables;
template <class... Functors>
struct Tables<glm::List<Functors...>> {
  static constexpr GlmBlockFunction means[] = {&link_mean<Functors>...};
  static constexpr GlmBlockFunction predictors[] = {&link_predictor<Functors>...};
};
template <class List>
struct FamilyTables;
template <class... Functors>
struct FamilyTables<glm::List<Functors...>> {
  static constexpr GlmBlockFunction starts[] = {&family_start<Functors>...};
  static constexpr GlmBlockFunction weighs[] = {&family_weigh<Functors>...};
  static constexpr GlmBlockFunction likelihoods[] = {&family_likelihood<Functors>...};
};

}  // namespace

const GlmBlockFunctions SERRIED_GLM_FUNCTIONS = {
    Tables<glm::Links>::means,
    Tables<glm::Links>::predictors,
    FamilyTables<glm::Families>::starts,
    FamilyTables<glm::Families>::weighs,
    FamilyTables<glm::Families>::likelihoods,
    &theta_terms,
    &softmax,
};
