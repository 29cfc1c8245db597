"""The state and the time zone of every ZIP code, as the zipcodes package has them. Data only.

Written by scripts/make-zip-places. A test holds it against the package, which takes half a second to unpack its own.
"""

from __future__ import annotations

PLACES = (
    ("AA", ""),
    ("AE", ""),
    ("AK", "America/Adak"),
    ("AK", "America/Anchorage"),
    ("AK", "America/Juneau"),
    ("AK", "America/Metlakatla"),
    ("AK", "America/Nome"),
    ("AK", "America/Sitka"),
    ("AK", "America/Yakutat"),
    ("AK", "Napakiak"),
    ("AL", "America/Chicago"),
    ("AP", ""),
    ("AR", "America/Chicago"),
    ("AS", "Pacific/Pago_Pago"),
    ("AZ", "America/Denver"),
    ("AZ", "America/Phoenix"),
    ("CA", "America/Los_Angeles"),
    ("CO", "America/Denver"),
    ("CT", "America/New_York"),
    ("DC", "America/New_York"),
    ("DE", "America/New_York"),
    ("FL", "America/Chicago"),
    ("FL", "America/New_York"),
    ("FM", "Pacific/Chuuk"),
    ("GA", "America/New_York"),
    ("GU", "Pacific/Guam"),
    ("HI", "Pacific/Honolulu"),
    ("IA", "America/Chicago"),
    ("ID", "America/Boise"),
    ("ID", "America/Los_Angeles"),
    ("IL", "America/Chicago"),
    ("IN", "America/Chicago"),
    ("IN", "America/Indiana/Indianapolis"),
    ("IN", "America/Indiana/Knox"),
    ("IN", "America/Indiana/Marengo"),
    ("IN", "America/Indiana/Petersburg"),
    ("IN", "America/Indiana/Tell_City"),
    ("IN", "America/Indiana/Vevay"),
    ("IN", "America/Indiana/Vincennes"),
    ("IN", "America/Indiana/Winamac"),
    ("IN", "America/Kentucky/Louisville"),
    ("IN", "America/New_York"),
    ("KS", "America/Chicago"),
    ("KS", "America/Denver"),
    ("KY", "America/Chicago"),
    ("KY", "America/Kentucky/Louisville"),
    ("KY", "America/Kentucky/Monticello"),
    ("KY", "America/New_York"),
    ("LA", "America/Chicago"),
    ("MA", "America/New_York"),
    ("MD", "America/New_York"),
    ("ME", "America/New_York"),
    ("MH", "Pacific/Majuro"),
    ("MI", "America/Detroit"),
    ("MI", "America/Menominee"),
    ("MN", "America/Chicago"),
    ("MO", "America/Chicago"),
    ("MP", "Pacific/Saipan"),
    ("MS", "America/Chicago"),
    ("MT", "America/Denver"),
    ("NC", "America/New_York"),
    ("ND", "America/Chicago"),
    ("ND", "America/Denver"),
    ("ND", "America/North_Dakota/Beulah"),
    ("ND", "America/North_Dakota/Center"),
    ("ND", "America/North_Dakota/New_Salem"),
    ("NE", "America/Chicago"),
    ("NE", "America/Denver"),
    ("NH", "America/New_York"),
    ("NJ", "America/New_York"),
    ("NM", "America/Denver"),
    ("NV", "America/Los_Angeles"),
    ("NY", "America/New_York"),
    ("OH", "America/New_York"),
    ("OK", "America/Chicago"),
    ("OR", "America/Boise"),
    ("OR", "America/Los_Angeles"),
    ("PA", "America/New_York"),
    ("PR", "America/Puerto_Rico"),
    ("PW", "Pacific/Palau"),
    ("RI", "America/New_York"),
    ("SC", "America/New_York"),
    ("SD", "America/Chicago"),
    ("SD", "America/Denver"),
    ("TN", "America/Chicago"),
    ("TN", "America/New_York"),
    ("TX", "America/Chicago"),
    ("TX", "America/Denver"),
    ("UT", "America/Denver"),
    ("VA", "America/New_York"),
    ("VI", "America/St_Thomas"),
    ("VT", "America/New_York"),
    ("WA", "America/Los_Angeles"),
    ("WI", "America/Chicago"),
    ("WV", "America/New_York"),
    ("WY", "America/Denver"),
)

# A byte for each ZIP code, 0 where there is none: one more than the index of its place. zlib, then base 85.
TABLE = (
    "c-rlK3!5Fqk>$Z-"
    "7Vk=0XuxLW5lD@VF&40m<k7=e;IXkpOSnDep~k&H>;M0Xt*Xq3I1w3HRrmJo#$%JZw<;fz@i_6wyluYEzz^+Tt{t8Wsc(OsnshLAG0jYqZiLdQ!;"
    "u;~F}<emU&~Ax6N|sHKp_aN%Ew>j1KaI6i=wjQ|BcO?W>dD3^)|qY^iP#16IxOTJ_fd;ukF^@%5&`0DOsSV8^$Hbo^h-"
    "c+%=}e3WYI<+pWT~_Hc`)SGL08R=Y(s5Z0z5bb_^2>0L>;mKTX9s_|aQ3R$M`jDhMb)PJ|wfn;w)J7>sF^<E~|8g_{Ww}J+B-"
    "p5rNJq!5W+9*F7&R#3W)}l3d`j&)qz}l8UzzAy&Y%|v@bqiVMIO5=qsvu)wTqSv&nYU!pA+ZMWTbkzbpumjT%XA?q+qAj0s=;R`yxkIYE>O)IL7`"
    "hsp7c|>(bstb6f14gfC9<YO{c2nxuyNeaGuQzpQfTkL~*6}ec<_AaRT6z{Z_v?^%687b&E^LEg$^L$OK+_)OC(Gb7OMM{OxZT{tXS&bLvR14F6{H"
    "bqoGRB$Z3E12R}*M|{t%{ds7p-`Y^0sGUMq#?y2B_veO-"
    "?7o=xXVw|^r8(A0Cd4LrqV5wL|E#0$sr|Wrz4FywvhRE~FjW*XhS&r7{r^l6othx5b46e4wy_%lSJ)lfj3m+vBXQ-"
    "#`?uE44Fr~9Py7~;fzn8)E(ry*AmVna^2KjO@Oc?DJ)P8136Kgv)Z6I9G<dBS<%$%Csqw}-dyDj-osChYcoz`htU45M(q!2V*#QH@qC$)TV>{ytL"
    ")Hg^%$V{-NZZ1)0=>!~!4Gw#XAH26t-~@p9vft?#iT$RI3Wv#JlzmdPh@-(-"
    "mZP)8rs3Q&rQ}bratC)cf>J6&t+lnrjAjKG1;+NzqOpdY4KaH))MhIGY$L(`wf-thJXCns)-HXbX@d}kTv!ojkgSuS(I{Q@J%<YHwzp>v;`i-"
    "^cy8v5isZ1UU_AFl+G(-"
    "@0F&><U}@g>#N(~HX|%m7Ii^Jwn;aLdPPC)yh3A|?ir}c!fRIKxJku?1`F^JkS4^YAowY92Gb!kWCU1oL{WmF;pkQapiua8-"
    "wD>vb7zVx27MDGS9<mpSa{+U=jk4=)>;w3c#$tbAA=8udXXy{G(y-22dg=Ym9||v+*O`G>@;2=s;LXV+-wE!ho>EeXVF$(4=2^3@=V-"
    "$Hnws1%&TGLUp18l%ECibSSt$hG<XYjC2sMH?jlT$syrT^6)HCcJQPja@I&<^s!vUahaJ3xe~8hC6n{$NV)7wvUhs+P;!Q)$6vX7I9*}f!DMX>%L"
    "0NT#V_9h*dR;ht@+3>tYtx*TkQahpfoNvVIR(l6&dX+ca0NW#57(6$qz0lFyK}+X$q$@!xq>E$WS<2v2sO=-"
    "jeXb@5_J!SwWdKDnqB3!Ud@C7yl=Ly(-"
    "cP!W3>pWt3{ep37n_}NCXug=01Oj)nPe@RBb<M+b~zx#?Lq&dsDZ}pi)gElums~f9m{5=Y+OwRrV8&@L<VR`m|6VJtd7?7?))-"
    "PzO~()iHq3Vv@m=AqF9}CsuAJ(+x5)9NPU+?n;AFJX7tDbmD@JRU{bJ6I6aA{ts}G3C=-nST)N~w-"
    "|?w+mFuF2s#ON0^EXXQ?9v#EeTYt<iter5L<%Kx;ZUmhihA<th?OfP(Ba}8$x$3Fg;wYQz2pUX?SS6=dd{RFX4FDh*cqnxnB4OX|p(`05JF<_dv#"
    "=W#U#=EBXS_;UW3{(7)I%=W6*m%Q$Zj&bShkbcdCaJauS(5MASLUUPYNnE1%d-3-`6iz}bX7Z&YVnV|x7-"
    "Z_XlrKDgTW`3Wox!4{`jTVu8h(qUTaD{6OutIPM_&~%V4sjugcW9Nx*A-u%;EQ%Jq8Ap24PS@#;TjdU%kx=#`+7H(dzKk9<x-&LA^@5nA<6>Y-"
    ">QK-"
    "$Gt<4R3#vu{h5JC(%^7GS1W@nUC=u|4mb7Pa%I3_4+iH}WW_%ic$iN5n2v`)QlS!1;jU{IEF4i6at<aQvLe)i67m@_#8`K!h7n%7)btLM$lhvbgy"
    "zuSF5_VkoDC1VYSol6m>aw0s6GDOfexR4A##X@e14c64e6PO7Ql_pb9dk*x1(5e4_5|LIK*b0awvCPpKn+;r1dORCLfsYGRIXIzC?twc|mv4aHX8"
    "TVYS7me+vTAJ5Be(eVFUeo<V#M=AWQR`X6fe#NRfKX8li!3;J!){P^yi+Pc&pE%Jk$6Wo3_yTZXg@RO?4{Q90dNLT)y!Bx!O5i0l5nakOQ{w$~8&"
    "+ug%cHJiBLrl7#Us3PF<fq&r|2d_JUw7u2bJ>^iio4?P2C*ukSCqrlq5Fx^*n-"
    "1+63yjA0QJ|K&ffqIJAc4&*Z$<^G15B|;th6pcfzb4;b?3aKhr~oM?4q_dCK*UY$Mz(%FfEW{zLs1VkjRIezcVx8#LPB_L(wMr)q?%vOGzcaS7}Y"
    "P;fGoL+%ffft+O{p;?Y@f=O1durQc5Jt>aqnz(|+P4rHSdey}TMAxaPW<$3{e;j50z)?U7N6|S)U4O(_(+Dw0RR}b?bz(kt!J!eo0609*ID2J&#G"
    "%L1XKi#4aI{W_Q%_jIY&g=0AX2a0(NbLb{Dn_hi*{waF;)mk2x4TZ8~x*PZRH&$^@{R5>Q3*K+RoKP4Q-d_WjuYPe?%w4MsX!^@6s1-"
    "6l=5}9nF<APz3eLOW43*ZgqaNQ|&Q<c4&D%S4n*A!eX}#WnU0>cn)rKOeXa|J8GiXb$Pr*6wV_$7SNoFNaAcwB&5~!C=^>R;~_7pFf96G14y>_xy"
    "uX9PCo1)%0nlPav-~QtgX~r-9&Me9F4G(DY}AgmQ8V4I6vU(c!a`58;+WLL{sbMV_MU>y?TJ|Ge@~yNh#2|aI-whPN5^9Q@)xKr<unyJMe99j`JK"
    "2>TvoVt<URjEy+?QIiHTQU|&3lkNgSf&-7Lx+FvD0hy9U1YkH;UjCJ=Yy&(qdT}|_Wvn+7a`&jma^=QG+qe$QW2yyifoilq?T+N)Xu!~U0?&Of^-"
    "$47n#oFKC$&Ydz9rgW*EpG|!??(8aoY>CGTOTk-"
    "K8V9@gvxeP`OE_xUi#zzh|eeYM+CmgQ&q<i6@2mn?A<_5KP=#LjqZ!^KSPd=eD<j&8{HGP`f;(M{q(0logUUO&d8(8oUsw_l^YgUtD>y*4F6)(Pi"
    "dFgCKEP9g`jD#a)Z4<pN7KE#hnvdNN0GRaD#PFmk^gxzSD~q!Hd3u^v)Fq=~xYisQ4-"
    ">LB)jeq25F=5tjuqwjp%AR|DWxBU?~aE6;ud;}2DYH1d|^&2h9nJ(1q);!|)Ol)2kAVDRe6Fc{kOa2=Zv0-"
    "!u`yL@!LexUTWR)zrc^&(I<q9govl?253%3d_MZKyfkP=ebk$rDxCmC0?^{<c~jRA=jV)o#bHA#d6%R7k+6a0$2DW|wj?0k;_#LrCE$SRgtO3hbg"
    "i^9}4_*`QlxUX6+|Q?<K*=3qQ$8JSoTZy~37gSGCEEx4^|>;u}RAy#>=$pKOt-eH=I>RfN37L`UiT>b$rvu|6jXvD(DsWIWAb-"
    "Q(Eu%nIQmhNorq<Nwow1}tXc*M3FPu$cAv#29Gij~N7^L&N&g!Zs<a=7btKv{;X0qkaA+Mal(8zB|o@S5u#rPX)~8SU<g`-"
    "y^55d!30`+^4KzC;VoODDomn4HMQx@?|;-"
    "oQ@kewEpSlU&4NPgFDZ8cA1OR!1%|KIt}KOSh{lOmT+H;(*g+`?zvgS#ntZF@kCs>>><CH_A}ok@{?#q#elA1jtHbkwI9s1tZwz5Q9ZCmkKy*PcR"
    "2*?rw)3`Ay@7g5UqhaK9Rye%@5!BUqg*M;O;EtxgGKNu9~;bR|(!dZu1+be^PT>SX(x*lzB4?Ih7JStVtIOV6cc?(^P2n+BRmuyX41)WsA|!inn&"
    "BE=BR(PoRuxqRqlL!7ZQHaqJr4YJB+XE)bBD(Cd8oKu*Nt+sw9b@v2836*09qMo}adNiHT3CFjC=8AHXMzNWyJG5e)c-"
    "drBFF^T{b3#GmRd*goueP6f%!2mr65@|-X5s3zD;=x~*F|5~waSPmlz|;ubXC|SX-"
    "~O(dU{%CPH}1zr_)QQPdCnU+k9GhPHcqpsY<KkX>R%&txStHr-"
    "i{p0v)NavROJxAU2(<I+f_uOglBkrv^pkU3K!rqN*rU46*6Tixt&b)s$s04sbX?Z5QPP)H0_E5G>V;<T-"
    "^{jE&wBVKA1bx)ZvaP*)0g88~H!wJipT0(Y84s6lnAGQ=-5qj*;Uq`yt`0ckARmFjeG`fya7o}Mn{$Ejy=%Dz2SAD*f~oRM`-"
    "BEf|!MSZuesSXTAXU8cAm_Y+gTxhyb{GC!^VA#}Wr$GiA>*|6fC1OE{pq^?lQ~G!9&M~m8vLLiL^XbuHlfy^cr~;o_wNhNItXeg5GD7H_8ak(;;="
    "|*^fu>c;Ja(#et347d5S`ppR^1Ff<%1zDC2$4PJQ&UqN<-3WZQ`FcX-Wy{&kCzfbRbc=BuzS%%<8M15UIMSa4~J?jvNW6ZRBu8vRY;P!#PgUHH=n"
    "Z1&)bRpEIXqhb7}_9_UQ=eY6J;hR@jQt9HkaQn<wjEBP{S5>QqO!Glzv2lcU;{<@K6RNd=8;$3LWq6e(E%sp_uvWfRR5SUC|1?T}2x4I@^fw8LgR"
    "9=uB8D<aWJm7}GkDbO|qg^s>MyZAFfkZ}(o(fJhA1*j5V2wqI9fHq;U8lx_Rd7AX5@^+4jtc=M7-rG^pb5+eaKQq0j874fVL_>(+R-"
    "ScVANct)ntkh<YrwaJn$*rq}s;*K(IhTc)$g~X@nTm6`{rsJn*F=^*H)oNBc$scz}uMW~{b)nPbJiMiP7Jh<%@AFK2FIXo3?qO9~$|$dzB+qEpjo"
    "Hwb_S8yr2G*OHx=DAzv!{PW>4zU$!g(v`)}%X3=cA<6{G242c!)Q?bpE|ba$JV$&gg~~3(xgFZv!0R;MOBv(yAcI!eoX<&DsH$RFu@0;qJmQ}_8E"
    "l0|UgZRW>PDev;1qGTL!7S~>lV{j1siP(ZU7yPu2Fq-{p4&%mk6Z4j}UM4=Vb5p`C)#8#;R(FRz-Yn{$3*iErMupg+aSryV^9kSF?&~1-"
    "<pF&2G$+6%BGVL_46>Y*Hdx;w`E(l>vn3M1zJeYYbd%kO3Agy*j@qNWE&hqW+ukV81|BuN#yu)2FCy#^w%3KsTs&HRT&o0u<or2+sqehJz?LMU<`"
    "3vqojs*mz3}3@6%nz>r2KZkF-`c^aUj)fOoT7am>Doms-F=6sDj6jFYQmjkber-"
    "$UcOnGCk_KH*{SG>A2m?$Z6wGj%6$z6zYb?WNXt2_5PS37p5B%4?>TfNuhMjC7gB^z5A>1qiptl=b6lH`y=c-2C!Io03~D0oG=HfssFx-"
    "*}f>buPFs`hKI4WIEb{L?m0V4Rpbg`yB>-<psEG(~*t2fU}#3VTyRh9ZUOiUi^B7Uv|OK24u0%#3HCJSdI2jXX76?Pn=7t$_P8Zo|y*wIRJ=G-"
    "Lm@*Jxs?d4~9zOw}IgAmW>yDoIp8(c@=*tR`nE_~urLG{9m^up{U-h-g#rKnxK1K*fq0uaWO#c-"
    "Rc0YkLvqBL)pOwU3g^v_O>4A!K>P+dGjBL{$QSSjs-L#^qis$@0b=7}CD_c}3R0wn6qb3Cd#)jB4;}v7AAjp*v%?FDne^U4=GLEYWh-iI}&%4cDd"
    ")LCbbXtJe%6tA7X~?Llmk7coVEg+dFL9U8^P!<BjjbURqJxdy|4eg0ZMVPiecGC=DT8=9X27U_IcSw7DA7EDg`9!i8mkW<jg9G-"
    "jbIXpK$r_OUS_gv{drwuZtt3s|6%Ez^lD&R=b)gX`MbFWvg;*ss_Zo+{a$|pN#Mz>yHaH9&#<<{SxI9t%kth5%Mo6?IuO;gj3JsZ3h%7>O5fWto&"
    "&*V4(Po+YAk-"
    "<M+o2f~5q`wxbTv@*~wDGB(>7`5KLhW1<s@gAv+Ea@9udJ{t&32)`ROoHmHdxn*Z#egw+hMv^j!@YsU*i>dUWgx8$}$BDM$tk;x565bytIKTWWRC"
    "?fGbPoES(fW>t6yGXSWsXt3<sG5JegdE)M5GXe`*JuQ!gbORY@+dxEl)@KQ>8brS}hCzPx(QJS!GIq2iX`*+U7&PcIZ?|w9%$9z(=rat~%MY@ExV"
    "lo)Bd3Gt)l&g`rNS%cMD9FvJC@lz%>m^sqV>zeTxs=sht(BS2;iH5|*<<u(OfMk<dkL{1gc5d1H>#1BD6O38k^$`COK`C}mv6ng5Q7V(cjEKvG$="
    "}&gz`r1tI|-vuGLleVcNiCsMIE-Jjw^25ByuTst?)pl~XXP-)JKnyajISdWfDrefrh-7~j(awL8qp;#X6@2&`*ke<J*9+JH*))kHs8_Y`FVpu8u-"
    ";fwJ#5_H<rE$lcK(xBF)who@k_-"
    "Q1YmUKbw4zz~HQ$eG=p3;`5)95Q2qYAA+nmi?VYVVF6MRQflY4ViKb;>JiZ8BD#yjfiNly?~mcm>z`{Ha<1$pOl5o0!r|GS}rHTpCGEL$mrTA1rA"
    "G#>}g`t1e|9giw-RtA~m&!oKQOE*1pJ@3dOX2Dpd>LG_hq)Radmk!Y#7z)~sPAmO5DDTq{&5v$tTI+vLARjjklowWDE4?i3p?maenOW)07q8(lcq"
    "-9}x!pjIV#-=WQSZV5XeJGhpE<#%jQW;{7+9{l6nvM0wWH|GzW1u@etYja481S28yLof`D&%I8_{Eti$e9X_>2=zqs6V_Jeu9{?i7f(-"
    "{fCHAlKGTrJ{0H4l3Ku9Njaj>NP-LIHU6+b^*Q5Ab-"
    "*g%&P8)FCC8GqL<}yFOoZIiluCe|vsD1Ap(H8hQgjVksisa1S4~`iR%2E6X8&6>|2Jc}O8;ZL{#QNnzt@BROChxXDaln}=l@kq-VP3iPi@2S{c-"
    "&M@Opn*JD3O{qe?YC-"
    "=Dg+vA#M&%KCdl_q~DHdk|XMGEBZVv}tm99pC^5ssPHudlQSKz29r&5~jD%;eFXqcGa;h=_=lb<7ALkwZ`XUf<6!GG!CRo;OaaCR)sV0hRq!CpbV"
    "kl98?Hp3-!w;rIno^N0QsCUL>M+g(D8K&~Y5V3}Q4K%*MyIk=u#2x^|$dsD^NmiGedRDu)W>fu_WPGw6UEYgkf*%-"
    "Vk7T;qZFfujr$px$<=R0D$?b^wk-SkjtUnPw_j(3+)`>?-"
    "(xH{rl}L4$(guVyvVic>6OTtFUpe;fqoh>3(dv$lK%Yk4r|bIZGfmh|Aj1>XUC_rSpwH?=j-WftfCK}RbN@0rYWv808(!mBZLppa-"
    "0qMB~8J{!6&{|}spY`+tI;6h?41DyscO85}31D+3o9aNolyJeW}=0c~yxET3IY2^ToQ{yas%P}i`lt&rkJ>~HpjQYLEFv>t>DN?*Dbs8$Rp67FR!"
    "01eWk~a;QOP%xVtFCo^*$%bWEUKow=ZzDFx-{bug&2*>Pz#}`8R`olwRs*(<UteI$-=6Gc}A7-uJ(VWP`($g4cndPBL>4|Z@dtWx4|-"
    "&npYfy1M$psuYAvGc%X`HuEu|h_ShQe4L3WIRZ=`In-IwSw#vIc+#-|-l%Mn-"
    "$0kJc2EgkcIItNYR*zjrEpls*UB7T(G#;D1jYI|F@sbI_9zp|N=hifsbi!|yh`Or<U3er;QEy>MO5)7N4t_jNwwP)N{G+(X;tw6cArt&=(Hmk52E"
    "}8r)r@)2zycT=5!lGdSqM|?fU_bADv~9x(&P%6<@_PSB(lZS3YZTFP#n~C2|3_#lX9uYXB+18TC*?4y9dp?$i;5VCs-AT5%9QE6CL0d|Lfe^H7kO"
    "K*!LBMof7H+9y^`U#70w;w^Mtbx+%BGvEp9vr-83S>>h-;f*u`SfdvyDFIyo24)%?mc}bxJ#l~YgC8-*C*f;aTR+WSf8((rQ?#+~_R5-"
    "Vm>J{LFlM2#fz~kqftHt(lKb7+1bh)O$pKCDpH9#S|CoGFaQt<#E;El`ME7jxXAhOc(*c=un4X`Gz&iS609asM7bjb>jqKnQH&Bx))C7|SdhbxP*"
    "5;{)J1u0yw9yk7SsqFK*8xP2@nip_u$G-OWYoq0TYU2pjwE?}RJ-"
    "~hx<F^?j*^0VzKZqbY5eZ!(_FmP<Kd6kVgQ#422}dI+rc{yR;KtC#C#Lt<Zj^=_Y;C2Ig^9L2-"
    "YnxAZ{8?OZd69vQI0lo4vhc+xxCK3`6k|E^kt>GSNvrgEoS!h;lf~_eCKfPsJCv;LIuK|1@MwSC|a=J2C)ma*wbx6q0rk;TGtq#I`C4-"
    "M5hngw*Tu&_9iGp$BAFthF^~Ye<L2*|5e%gn_vBE|2M;{$o<VkJk9(n0{xryfrWSQ&O5{No$>vP;os079`9hBn%Xb+_kS_Hhoxasc1~;i@9Y;Izx"
    "V~-VZKI&7EKLC0tovq>MZQ{snSrCr1fgw2b-"
    "0P;Ew%RDB)CrD|Gw&K1_UCHpLNIFN2LPb32*xHg(^A>#bq<_FHeiedF!7hT+?|F^;Dy^Y+*q9&g`xYn;4M#`q=h%ZbIXYgm}3fBDO|@Rm%!Jy6`B"
    "suv4at#WYHZF)hUr7*hk*_foYRQZ>2{mAmPAfL@^qPlZ`c5y#XaV{ur==reP*WvKJ;dhmGV;{f9jp;os{CZlwaf46d!PvHP4NUKphC4$S<&9}vCh"
    "sI|B(R-"
    "fLD=zh%Ld$opBC1_4J)`KRWwz;NT}_OJXA!1;f^EFL6n`~BV<re)k46&{Dk7p0#j(wSYnfC42}8+*0jjIJ9l~;?&Rz+BV(mE62mHZPGk@-"
    "k;UpS$V2L}z}4G9@OGV#d7(=xF$A!*sPY>aaOVzszFqM7oqi^UEcA~xn?Ye`cu{igq9vRpZ)1L7PFtyVSr{}pBt<K5t~O)C{6N2qI1|?AcJ6bCJ8"
    "IV8P6(<y^&i(nEXUWKZoSGw1wO(-"
    "hmSi96ihDA=x|2U<M@k#h;S^`LVfqH#@1cjxjRwZ)iSPAmEi8Ubaxs}`|eh<p*JlK?{VkIbl5pgqx35F!_2gO>J<J{=kCO>;Bi-Dv<e?5?%rL9vT"
    "N6_jo;d2s?O0055qLArxF}FFwY~GD1#Y0oH6>u99P5_91a;)i)uo(yw>b23esf58JUf$n$tT1%ivy1yc)3*4LbI~d3AdB!T_=ZZtRpz1?eoJ)=2E"
    "i{V^L9J80MDlLyz@pmVV9Pz{T#YfCA8Z8mn%IEg)g=%dwUQ1E<T{z!6u$1<vaIUlOSVG(_HJBpXD^)ei5gj{P&kxOLn@2nE|)4*X6W%L!$%}Xc64"
    "{ZneG3Suf&5|{^)?5ctR*TM~$blRTO;ynl#};R;ewzxmQDDvAM$o&5)Ea{gYT_=Bf~4dvol#WDeHzAyuu7)BlS^U$=2-LmS{KVR)ZL)*Y-"
    "I%BHx}=3|IPFKyV|s4WAG#oXxlWB-Jq?+7D`rjf+h;*R1Z{9WfdkDQBR;z-"
    "`i3)qH_B#ARyoG+)x(3tB;HJ#|8PEAVm`a`M_M5AbkPqCs=*w<R;?h6_Vg|rg|9^!wTBY>;Q#%)usU$d7fGduEHwh;~AXwT`q%yL$a<d8~Dy+3o}"
    "A>?4+G9FJ!w_DGh<GP2;$lkD>3*8oS*T`>ypAI-!u2MSRD)Qweto@5?T}i-mOAzL+SOv8uDW7`%xeyQMxBqV^={hqE0e2&Z0lz_7_aEGaHRP-"
    "<W+S);2zTiuD-mb)NrX!q{j8^5*H?lfHoo&?$*<^kSI9O{E)%rzq{vQQ?<EX$wd5h-}*1+*CpHeJ}+hJx2UL9Pt$36A2*d-u-"
    "A@I^Zy3Y@z?+|U+_0tj@tM+7yl0w;K;5{2hyNA;Yy3qB=7j39}c>im1~`l^6?bp?4QMthZ&!Dwj@_Axl&GmY+rasjV9+7Lnu`8`G~+Xd$=B63ioD"
    "SPmt1I%ZpuZYNXAVZWlnwr<zcP|2bkKN{jmwejB6_?6;(O&d%M_!8%>JG9Bd=I3dYFwixMl2<mkB-"
    "*ohKoy)5U~|vNAZu+UVRm>j;}g`^=0N&B8{uVoHQN>0bi5`e4*X?Z5n3BsC<%Uly&^Y4#4?hVngcNimIkMIW3W!Y4)RQ2Z<<zUeFgZBg_Gv4}uUd"
    "VWXm0W$W31P5Gk28hnB;X6>-4FN<JdHjKyq@GRdizr+{1JW-GDVe(56yDa0&k<0KIS$;8gr<w6Na{RKad|5kd+C*7CFm6S}_(mO!pD)WtzoLwOqz"
    "73qO#WHgM;{HJv7vrH8s^FhWWIKFtb1sma><3%)hKtDcBlgN-$!0+n7)<XHkB?Lg-o}PSb4zsf{-"
    "J)lq;A&%8Dx2_(SCo_GS%i#spS6n0aK3u2&_|dINv_2!EKCKK{>-"
    "KKdAcoH+bp{1&@E8mFd>AOG>=kN!B&4Xc&$A2K(7{BbfhOpad+JTU(I<HypVolSkNo`4~4u!t)yF39OR0EMsx4Kz;Xk_X~2lH5sy@3Z}WXsBQ7%S"
    "hWaHGb+EZ}D{6^D@d*B{&Z|yfoN%n(~WiY*Z$5>ixd4sBBPN1Wp05PHyUtsx#?W6qa!`^7kgYA&2@ev!gYr8U-"
    "<6TW<xC0o@QR*iJ}=0&uYi7t8@j#>{b9%nyStMm~P;1A_KAJ7;3IF7|S12RU>7`tWJmG(RrL*DYS3R_hYNTEeV9%E)OJq|V$nl$m1Aj@xy{>iX{a"
    "2Vs4)bF7xzXu)+tW){`zRrKY8`MNk_oG_<P8VEcMnP6TaDo_<Df`c|Y^-"
    "0I)*LNRc&d|&YIkcdhos|*MujvoTo$EgSCIZ@kMw}0Wpp%b{9i`6oIpCWrhAf`RsOw2iUyuHniDOXObQ7yrce^ssnBfX@$>=-"
    "=oV@EvsYmdz@4~B(>x(5Xn#{6!T2Z}zed98ET@M^AdnTG@q2EgOH8F5D-"
    "&&C564AQp`fR*YZaJ7JLnRWgZ<shWzA<;4UKjVY<riFdb967}_ead(HXU$%=~8eVzMlF7uo#sogI{qB2Xb~^T1G9@b~GnCy4M+WPRCTp_5At}V$v"
    "6O!Uzi0+A|7b3zEBoBI+xEJJ>7*GB?9q1<T-"
    "2{@de)FC~%&_K@oWl6>e~uP}3s!Scb7p5X|t#}a!AFjoEkV9WjTD2+Ps6V@Hyx=kmi4dYa0R$*lZ3r+T^LWLKKGKE{6EsSO6{)N<%SwRJq`?w$Mt"
    "%@3Y29P6CHVX;_v>G4T%8aTjWstuC7Z%G{Eou+-q=b&arM+2M3r4EWA#8OG7Rk=O^>&m{6-4fH>PR}6v5l{d;d-"
    "av=PB+j#%}Ilg;7H@CM^~c7KEUy2g!Cy>NXh2N22ll`yrwJY5w<*#FPM6lhd4m9^_^dd?i0mJ35u{zP{(e2NW@MZru0qbY<MvEcaO{`E7OA*A_is"
    "*4B0_<rb|#>!_t%J`1etwo#f(dAm>6MP;4h&M*1#)E2<=J8SjCZ@fbq1HKCRIw_1Yee0Iov;YUf-DJIgw3=c5=1?y=pfU<ecIcI-F0Bq0I-"
    "cbCqpab|f4{xS5MEgxw-p{qT7a)4A%EZw+)&PvbHdj*AT4)o#Uvr&Vut%WE`%3$M%^60H*XH_o7zfunjib1B_R-"
    "c5MABmhLydts~b1bZXIF2^)}4NoRr0SHFxL^!LD&f1>2CX%HG^YhPj6wezWzpIc?LhO7y=8m7*S?$IaCB@r~AUip0w2Ce2z{I<0P+mgvXI&4uU`$"
    "k53Y(qOwFubdq}6G*78$Pd*NQNIA<O=L!3!H`fPKrzMqo%*(ZhCCNX+{7HOn@Of^=MTn`qiTbyanpyjuu*pdu?mpC0rk04Km$@`)EsN_Flfouz~U"
    "=Zh_rIwoU1SJe)a)ufx8q~Hx~lp-QnNZ-"
    "i0eM;{@J)cU^GZ#A2eq+k~6*z1lEPzMJOb%}ow8O4?1@pT;&lWiSmPll3h`!_)85wj{#{^$9p8!w@P!dyp5HKJdSov$iNbsTOQ<ro|~_cK1M|Z3y"
    "rNe+VI>@O3`d-"
    "6l#Ukilz_AwTte;$%2X;Jc>Wk{#CRxu6BVA&f3^AZj<;m`cSQ75<b0lZRS2sL1P@H4Dj@O?@)_`_uUSWb8vmV}INHXk`q{KEWrSjIzf5K=R2bv9$"
    "6YW<Qw}DB@ejpCoon8!$25b^3p@usSJ?=?m$8B9mnfKeQj(_t8F>+VsvBm1OGHflhs(Gx&fP>n=pDZmZJT5*$OvPldC@ao+`EC7oqNE3E^|*-"
    "7lwE`>ZYEW!x_2To|YFIxrsyU7o*3Hdsu$Q@9EYMg9G2m`hONW3izD_mlN$_`^?UDc+IAcVmOF>L2CuA5fJ&Ic4l<n#;5a|*8NCXOWU5Ai5MVpr#"
    ";dIyADQ6WzU^1{j17K4|zf{O*LB0(JLB2tb1fFlK}fs1W5Q5@|unG0NtkV)@a!)et?YH=D6<CC(KatsdJ3#y4%u3Tw)v^YM>Qu!7-"
    "Yh_pYCJZW@wx=9no2Hp7${)<P{F}8S5nH)=ouSN48oIh?Sc%D%iC9+E1gX!$LE`#GsPR|UH7JY@J3n+XBUO*F0AJM-K_C_3Euv6@1N(~VSl!q|;0"
    "k6In~2hoxN^l*WUEvWi#UZW`h_gzh*0Z{C%VXio$Spw6*FtDa0H-b&;Hbu3|6tv#8p{-@cI=etn}`)YrV5ec*|mwG!|yg18Dqmh3w?&V&&w@a-"
    "REWLyNa}v+BMo&lNz5UYBZDLKw^zz@$A{Y<L3e`h_R$xJ-_G(W6Twbf}<fsDp_y>a)nH0xzH)p9^W@k9@v7G6#Sj`M!dblM&>I(;Al{_tqlnPqHb"
    "E4pU1brUngMOr(5*9X^yz$`gd}f-"
    "{k6XJyR0t3pe5S<0;T`HF~mVshAb$D8GOjG!m605nMpqHAKIQ%eljCz7ph&lA$epyNRF4t~;4i*spDmVksSS&#ySIdE3w`IEG0BF7&l<;e!I`$X}"
    "y(ptTMZhAcF<DV9tSXC_3fi0?a4%L&8=OAN1L5nANvP#C2EVBduCtNADuuwP`6yYn=np%=M8B`os9&^XX<#AlT@~q7b@_FzJaS=ozvfPHLCLPyLC"
    "K1POd*Lu`a>Z<o*6m7_t`e#`#xWey$J#j-VjNplohB=oL9e2|S*h%UKB7nhK%;(ZX9Gn`CMIumJ8_PT^3v;!r#No-9mAQ3;C;YL2-"
    "dVdKVD}CqiOi_8ae*hyE11e*aRKHA>~8pxP^m-96OkzA2s%lIY@BKcxJcCUP4F=bGC-C<s8Sc){G{CF_U$y+%X3MDBGOA;FQd&Q-"
    "UGam^QwUgit4TWB9E|5Um8RDnjwJ`ek*uBV0K+cIcKzushiO3gI!1+xYiE<Le>F^RN(~3ERdOX|(yidCG#2?Tj^aIU%?DmDULfXFWNRb*J!#gBBE"
    "eJ_kFl=YtfIXSG~xRI1OtUCeLiyn3X!jui*JtCl{OTn<~gSwIplEfZl{S6xAYRcqvVkz0Wo1)BWuM{kqwT-"
    "%ZZ7;SAiPCSEPQ@k@BAETAF+UMYl!!AQ^w*1Gq;);xTj|xSqy%lVDzoNqf&CS<UhcwUKbs)WccCU{Mr&=3_{=hzN>+?oeva^;Wy2kh_ysBQgUmwS"
    "O3^6|0b==*eyLECIhSW7Pw@tp?g-d1<4UKM%Gs6ju#e#}XRZWoRQ#`pfFF6)-"
    "rx4xWwY*Ut&qW+U_&ZJgkGHuS!g6FMc+M1#UcG8gL+H)GL+Nf`pu?z%10X$oz)V;F*}7g=>XUxx%>IGfa>(C#<Be*IKaT6RWB(J)pT(ScfdARns~"
    "xjRemwIhmZiVHs-5gNavOl&-(Kwa!13BE@_Aq8j^ppG<M4~2xxCn|D4r;MY#*<<4u9>G_<C$r-"
    "q*)pWB6`p_Sdy(XXsg9=7;C;*W55sd6lM}UeQAPa%qqbH%y<}E8VSp;+ZP1D2+Fa57~+}VuRkj1~Tg9B8laTEK;W$U)G5BWtFQM@1nIB=a!jA$TH"
    "B#E6e7XBVTU4j~2ZmYFj(Zf#hXXt4c!~18ZcM8yGBjT;S|5f3CFy0q8VxGme7iX8Ez)Ty!e`m)*;u^m2?MmRe(8Jr7HL7-"
    "la66k!z?$qARXi>5V@ZWLQDy8wIH$$(3YYSmhAzdV<NaPHqlwv!v8+AnXF4E?yu{IRq1R#~w>D8EC=+B(;NXzSXuXV1p(_*%VTBA%YlYz|HL0+dg"
    ">&#Go(7oK^tGwAm$ldCeGor!lVL*cD>gB@isKRc5h!f<lvZsQ8VSf0;V0X3$=_w3AARc?5uQ0+Lxy2<eD3^r7(asZtKbJp2pcqY%zBORT>yU7b_u"
    "TM?hucLnIgiMb!g-!`eSGg1dKs#OrNfQ#0Mxy<5D?18auhSH1-"
    "^!Zk%*y%pMmF{O8$%m=Zw!O6`$lcAzwtUy7dNp3>JU`j!Jc?MI_7nAVX?+MHH{!E0V~>!*S!S1-"
    "cfC}6%_>qV*)|DZ#2u)Fj0i@_tySy4ek}XYg$eYtl5eBD4lWFxUcHSgEDNU{=R|9+hes7khA)u0PuI5iPH)I{w{c1kDZCXpEa&>)6$rMg-"
    "g|DGdq?e5p%)mG(IQXzt8s4Mh(Ni@$*u5E3FGnPv+Ds#4mwGbXA?6k<qdpSY??KVilXB%Vt6<fGwb-RWH4CaXw!T2sEZ`99LL{3<QQ6D=(3c7lf{"
    "dIf`pI;id022b*3;|Fg(=v2LFL9tSU)qhFl<jYNg8ME8p?{%ig%Ba{^mHRKL?Y0J7>9UX#UXMP_%I5xaE__jDRc=W~bGtRyEqAtDkFY5Jwj`rx$@"
    "No^Ui)8N6unl!;WHJ3Sj){zph?f45yeel;QRO@;YBS@D!m27DIG8mFbz{_{8H`wlL9o`kM+;m%?W0~(d14dWiMoJC+zA>!!dYDLXiIX@;Zf;x$Pt"
    "p|b#|55_d5x^M@tDxv9^8ey8KPjG6V*6wmLqhVk*OlYrL=nyh!^tuZ+K`Y;rY>H;F4~!K=(4<t1%X(;m5^V%4^eVFA5^_I2|gV|0c<pVHIOe?{^`"
    ">o@m*PyT8Bo@e`Xv0?hy5YuDYDq4Q(UqY~6#-a|Buumb(KZVHt^g>WFf2if6*!enS20RdvS8vILz^2U5_D?%oKTW~NL|l+R)OthV)7{JHz=uz_i-"
    "AwSm%_4ler@7CNWk=(Rf3+I=<e(&<09Ei(;jv9WU0)mzT*P+$|nNUV0A9Oa565y=NA!Iie=*ur-"
    "5@D0fK&P)F5*n^y2DXXYStCSec55Chb{Jt&%{D_AVyRvB$A2SV>?zNK=*e^1SQD)gI?smA{43!KXonhRIH2dCv#$o<^G0wTNb{d;+RVX(~LimRLO"
    "OEyCO>fWZO|`#ryc^TBEl=TuXwuYD5wnp{try*NZXks!{ICEB^^nX}nZm8j(S`SPf>4NWaXIOZDP%W@l=8q9mFm8+jDJAfpTW)J)X?mhBdwoQoOS"
    "+!??%m;Nd#y&}r9sq1%V*&E3j3S|@k8`HGU&Nxp2<|coo3hKHqhXfl%mshX9|D%n95v$7h<kP{rne=pX}F5@u2-"
    "%;ZUjqqpm1=SCQat~1Z^rw!0GH2VmqIsJ#o>TOr3C<ueZLU>Y<X{$mV;qMbuYp#Ok<*Si|80lOFJH&Ek23D!=-A;7{D_zU$*DubM7`_PP)%{-"
    "I*~K-"
    "_DpB07fawTx=STun!A0NujjT(`lUp}}+yboaAcwf$;~$7nCwcYCC#CoPpIf7hcRH>33T!Ui{oqylNA?e!Ac*D!bDhl(|GhUe#Xa;l>7dgvyXQHpC"
    "cHx|(B9^GlfZM;dY^R2+=`>Pq@a=Pl8wZ?Jriihs*#lUYat{eRg;Jp6MusWZ&{u%1rzlY}6UUCz)-;VQtbm{pcTs1kylV6{fNV9(fz-"
    "+vLOK|oZbq~q4imFj_@9Ulw@n~T!SNs&*!+d$-UoY7SmL5ZGwc?-"
    "p$q$UZrSsiV8uW9Mj$QEeoPM9#Pt)vI3L32qJ^q=qzE=1@8f@@~VV1aOKf6d3(4U#&pZxarmjATWJ*{S<*Z;MyQ`z`u1*?m!Fz#U<$v&zGTJ3eNh"
    "VIJP_@cQ`B1<sjiZ*J}k3lbbRY|;T4f?n|%+GAmjhOz`SLsYEk$PIVJnbp{iTW~Ro3In2%gmyXUG|!`RG0e}CI(#I=7_q?4GNd7HfXB4XhdFa^qN"
    "?DA><b5Dk($eT?Vq973a&U{z&-"
    "m`1jhhGxm}9nPhGP_QL<p_bcV7v2BCOth0q+zA?$q@$>QXbCiGM%rrH%|N5{0GqkDuyWjn;?)VSg`ycaS{$h>$ejqc295R;Cv?8+;)9J%9fQDHjQ"
    "N~*Y?_YY&curkajIENf4j?-Kvo)GfmlYEs0*i)jMS>?oQ8eqr-ueX{OZ_5Jx(FXSL9p$8H<RH#vAwTdT*0w%Jp+K}kOI(^;SkcmP{tA3x*<e^h!)"
    "GejL$y%>@R=$>@UOXv!OqZ@!76_e|+m(J40*Jx*tz7ka1y%X{z>+b41+^dX+upRd#=iZ*{Kp>a@&j&y<*?Ct|@?gt>3ORY{G(giKMTzO>iMKxCe%"
    "(di)(4uKYo@wX0id59086Y6NgEPAv$%tV^e-wOIjtN;=-"
    "@hy3S5P^3+&;ZbcB)Jr>e}U~=2Q5czh#X{bus#PhwrHwlOkuI99q?(_hB!2+&s0m0Wmp1Po*1xr=Sc3>t8c9c^w9p+;(Ikxv!)4_Xkc`4{OuA}=N"
    "`L1w#NM*mo+1s9{=`l)7lF!6p|P4LM5*6;q`*fzF=FYm9jki8|Pm5aosZY{#W7o0;(3e_ClenyYXWaKYssbS)G(~y89`Zk}nYNADaR%sB$mZ+9(_"
    "X#nhgE{(0?D=lOB|`JarRpFGctcz$z#3_QZb$aVPskDvVHC;5g=+y4h~d-DA"
)
