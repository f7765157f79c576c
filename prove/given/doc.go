// Package given turns what sources hold into what package prove asks about:
// roles with their policies, providers with their client ids, the policies of
// resources. It also reads documents of assertions.
package given
