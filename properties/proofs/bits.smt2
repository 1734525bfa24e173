; Of words of 64 bits, what bits.mlw says of integers: each is asked for a counterexample, and there is none.
(set-logic QF_BV)
(declare-const x (_ BitVec 64))
(declare-const y (_ BitVec 64))
(push) ; lsr_4_is_div
(assert (not (= (bvlshr x #x0000000000000004) (bvudiv x #x0000000000000010))))
(check-sat)
(pop)
(push) ; lsr_8_is_div
(assert (not (= (bvlshr x #x0000000000000008) (bvudiv x #x0000000000000100))))
(check-sat)
(pop)
(push) ; lsr_16_is_div
(assert (not (= (bvlshr x #x0000000000000010) (bvudiv x #x0000000000010000))))
(check-sat)
(pop)
(push) ; lsr_20_is_div
(assert (not (= (bvlshr x #x0000000000000014) (bvudiv x #x0000000000100000))))
(check-sat)
(pop)
(push) ; lsr_24_is_div
(assert (not (= (bvlshr x #x0000000000000018) (bvudiv x #x0000000001000000))))
(check-sat)
(pop)
(push) ; lsl_4_is_times
(assert (not (= (bvshl x #x0000000000000004) (bvmul x #x0000000000000010))))
(check-sat)
(pop)
(push) ; lsl_8_is_times
(assert (not (= (bvshl x #x0000000000000008) (bvmul x #x0000000000000100))))
(check-sat)
(pop)
(push) ; lsl_16_is_times
(assert (not (= (bvshl x #x0000000000000010) (bvmul x #x0000000000010000))))
(check-sat)
(pop)
(push) ; lsl_20_is_times
(assert (not (= (bvshl x #x0000000000000014) (bvmul x #x0000000000100000))))
(check-sat)
(pop)
(push) ; lsl_24_is_times
(assert (not (= (bvshl x #x0000000000000018) (bvmul x #x0000000001000000))))
(check-sat)
(pop)
(push) ; land_3_is_mod
(assert (not (= (bvand x #x0000000000000003) (bvurem x #x0000000000000004))))
(check-sat)
(pop)
(push) ; land_15_is_mod
(assert (not (= (bvand x #x000000000000000f) (bvurem x #x0000000000000010))))
(check-sat)
(pop)
(push) ; land_255_is_mod
(assert (not (= (bvand x #x00000000000000ff) (bvurem x #x0000000000000100))))
(check-sat)
(pop)
(push) ; land_65535_is_mod
(assert (not (= (bvand x #x000000000000ffff) (bvurem x #x0000000000010000))))
(check-sat)
(pop)
(push) ; lor_above_2_is_plus
(assert (not (=> (and (bvult x #x0000000000000004) (= (bvurem y #x0000000000000004) #x0000000000000000)) (= (bvor x y) (bvadd x y)))))
(check-sat)
(pop)
(push) ; lor_above_4_is_plus
(assert (not (=> (and (bvult x #x0000000000000010) (= (bvurem y #x0000000000000010) #x0000000000000000)) (= (bvor x y) (bvadd x y)))))
(check-sat)
(pop)
(push) ; lor_above_8_is_plus
(assert (not (=> (and (bvult x #x0000000000000100) (= (bvurem y #x0000000000000100) #x0000000000000000)) (= (bvor x y) (bvadd x y)))))
(check-sat)
(pop)
(push) ; lor_above_16_is_plus
(assert (not (=> (and (bvult x #x0000000000010000) (= (bvurem y #x0000000000010000) #x0000000000000000)) (= (bvor x y) (bvadd x y)))))
(check-sat)
(pop)
(push) ; lsl_28_is_times
(assert (not (= (bvshl x #x000000000000001c) (bvmul x #x0000000010000000))))
(check-sat)
(pop)
(push) ; land_but_3_is_minus
(assert (not (=> (bvult x #x0000000100000000) (= (bvand x #x00000000fffffffc) (bvsub x (bvurem x #x0000000000000004))))))
(check-sat)
(pop)
(push) ; land_252_is_minus
(assert (not (=> (bvult x #x0000000000000100) (= (bvand x #x00000000000000fc) (bvsub x (bvurem x #x0000000000000004))))))
(check-sat)
(pop)
(push) ; lor_above_28_is_plus
(assert (not (=> (and (bvult x #x0000000010000000) (= (bvurem y #x0000000010000000) #x0000000000000000)) (= (bvor x y) (bvadd x y)))))
(check-sat)
(pop)
