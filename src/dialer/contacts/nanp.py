"""North America: states and provinces, their area codes and time zones. Data only.

Area codes per the numbering plan administrators of the United States and Canada; time zones per 49 CFR 71 and the IANA
database. A test holds the tables against phonenumbers' prefixes and the ZIP codes' zones.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subdivision:
    """A state, territory or province, with every time zone observed in it."""

    country: str  # "US" or "CA"
    name: str
    zones: tuple[str, ...]


_EASTERN = "America/New_York"
_CENTRAL = "America/Chicago"
_MOUNTAIN = "America/Denver"
_PACIFIC = "America/Los_Angeles"
_ATLANTIC = "America/Halifax"

_US: dict[str, tuple[str, ...]] = {
    "AL": ("Alabama", _CENTRAL),
    "AK": ("Alaska", "America/Anchorage", "America/Juneau", "America/Adak"),
    "AS": ("American Samoa", "Pacific/Pago_Pago"),
    "AZ": ("Arizona", "America/Phoenix", _MOUNTAIN),  # the Navajo Nation sets its clocks forward, the rest does not
    "AR": ("Arkansas", _CENTRAL),
    "CA": ("California", _PACIFIC),
    "CO": ("Colorado", _MOUNTAIN),
    "CT": ("Connecticut", _EASTERN),
    "DE": ("Delaware", _EASTERN),
    "DC": ("District of Columbia", _EASTERN),
    "FL": ("Florida", _EASTERN, _CENTRAL),
    "GA": ("Georgia", _EASTERN),
    "GU": ("Guam", "Pacific/Guam"),
    "HI": ("Hawaii", "Pacific/Honolulu"),
    "ID": ("Idaho", "America/Boise", _PACIFIC),
    "IL": ("Illinois", _CENTRAL),
    "IN": ("Indiana", "America/Indiana/Indianapolis", _CENTRAL),
    "IA": ("Iowa", _CENTRAL),
    "KS": ("Kansas", _CENTRAL, _MOUNTAIN),
    "KY": ("Kentucky", _EASTERN, _CENTRAL),
    "LA": ("Louisiana", _CENTRAL),
    "ME": ("Maine", _EASTERN),
    "MD": ("Maryland", _EASTERN),
    "MA": ("Massachusetts", _EASTERN),
    "MI": ("Michigan", "America/Detroit", "America/Menominee"),
    "MN": ("Minnesota", _CENTRAL),
    "MS": ("Mississippi", _CENTRAL),
    "MO": ("Missouri", _CENTRAL),
    "MT": ("Montana", _MOUNTAIN),
    "NE": ("Nebraska", _CENTRAL, _MOUNTAIN),
    "NV": ("Nevada", _PACIFIC, _MOUNTAIN),  # West Wendover
    "NH": ("New Hampshire", _EASTERN),
    "NJ": ("New Jersey", _EASTERN),
    "NM": ("New Mexico", _MOUNTAIN),
    "NY": ("New York", _EASTERN),
    "NC": ("North Carolina", _EASTERN),
    "ND": ("North Dakota", _CENTRAL, _MOUNTAIN),
    "MP": ("Northern Mariana Islands", "Pacific/Saipan"),
    "OH": ("Ohio", _EASTERN),
    "OK": ("Oklahoma", _CENTRAL, _MOUNTAIN),  # Kenton
    "OR": ("Oregon", _PACIFIC, "America/Boise"),
    "PA": ("Pennsylvania", _EASTERN),
    "PR": ("Puerto Rico", "America/Puerto_Rico"),
    "RI": ("Rhode Island", _EASTERN),
    "SC": ("South Carolina", _EASTERN),
    "SD": ("South Dakota", _CENTRAL, _MOUNTAIN),
    "TN": ("Tennessee", _CENTRAL, _EASTERN),
    "TX": ("Texas", _CENTRAL, _MOUNTAIN),
    "UT": ("Utah", _MOUNTAIN),
    "VT": ("Vermont", _EASTERN),
    "VI": ("Virgin Islands", "America/St_Thomas"),
    "VA": ("Virginia", _EASTERN),
    "WA": ("Washington", _PACIFIC),
    "WV": ("West Virginia", _EASTERN),
    "WI": ("Wisconsin", _CENTRAL),
    "WY": ("Wyoming", _MOUNTAIN),
}

_CANADA: dict[str, tuple[str, ...]] = {
    "AB": ("Alberta", "America/Edmonton"),
    "BC": ("British Columbia", "America/Vancouver", "America/Edmonton", "America/Fort_Nelson"),
    "MB": ("Manitoba", "America/Winnipeg"),
    "NB": ("New Brunswick", "America/Moncton"),
    "NL": ("Newfoundland and Labrador", "America/St_Johns", "America/Goose_Bay"),
    "NS": ("Nova Scotia", _ATLANTIC),
    "NT": ("Northwest Territories", "America/Inuvik", "America/Edmonton"),
    "NU": (
        "Nunavut",
        "America/Iqaluit",
        "America/Rankin_Inlet",
        "America/Resolute",
        "America/Cambridge_Bay",
        "America/Panama",  # Coral Harbour keeps Eastern standard time
    ),
    "ON": ("Ontario", "America/Toronto", "America/Winnipeg", "America/Panama"),  # Atikokan: Eastern standard time
    "PE": ("Prince Edward Island", _ATLANTIC),
    "QC": ("Quebec", "America/Toronto", _ATLANTIC, "America/Puerto_Rico"),  # Blanc-Sablon: Atlantic standard time
    "SK": ("Saskatchewan", "America/Regina", "America/Edmonton", "America/Winnipeg"),  # Lloydminster; Creighton
    "YT": ("Yukon", "America/Whitehorse"),
}

SUBDIVISIONS = {
    code: Subdivision(country, row[0], row[1:])
    for country, table in (("US", _US), ("CA", _CANADA))
    for code, row in table.items()
}

# 867 serves three territories, 782 and 902 two provinces; every other area code lies in one.
_AREA_CODES = {
    "AK": "907",
    "AL": "205 251 256 334 659 938",
    "AR": "327 479 501 870",
    "AZ": "480 520 602 623 928",
    "CA": (
        "209 213 279 310 323 341 350 369 408 415 424 442 510 530 559 562 619 626 628 650 657 661 "
        "669 707 714 738 747 760 805 818 820 831 840 858 909 916 925 949 951"
    ),
    "CO": "303 719 720 748 970 983",
    "CT": "203 475 860 959",
    "DC": "202 771",
    "DE": "302",
    "FL": "239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941 954",
    "GA": "229 404 470 478 678 706 762 770 912 943",
    "HI": "808",
    "IA": "319 515 563 641 712",
    "ID": "208 986",
    "IL": "217 224 309 312 331 447 464 618 630 708 730 773 779 815 847 872",
    "IN": "219 260 317 463 574 765 812 930",
    "KS": "316 620 785 913",
    "KY": "270 364 502 606 859",
    "LA": "225 318 337 504 985",
    "MA": "339 351 413 508 617 774 781 857 978",
    "MD": "227 240 301 410 443 667",
    "ME": "207",
    "MI": "231 248 269 313 517 586 616 734 810 906 947 989",
    "MN": "218 320 507 612 651 763 952",
    "MO": "235 314 417 557 573 636 660 816 975",
    "MS": "228 601 662 769",
    "MT": "406",
    "NC": "252 336 472 704 743 828 910 919 980 984",
    "ND": "701",
    "NE": "308 402 531",
    "NH": "603",
    "NJ": "201 551 609 640 732 848 856 862 908 973",
    "NM": "505 575",
    "NV": "702 725 775",
    "NY": "212 315 329 332 347 363 516 518 585 607 631 646 680 716 718 838 845 914 917 929 934",
    "OH": "216 220 234 283 326 330 380 419 440 513 567 614 740 937",
    "OK": "405 539 572 580 918",
    "OR": "458 503 541 971",
    "PA": "215 223 267 272 412 445 484 570 582 610 717 724 814 835 878",
    "RI": "401",
    "SC": "803 821 839 843 854 864",
    "SD": "605",
    "TN": "423 615 629 731 865 901 931",
    "TX": (
        "210 214 254 281 325 346 361 409 430 432 469 512 682 713 726 737 806 817 830 832 903 915 "
        "936 940 945 956 972 979"
    ),
    "UT": "385 435 801",
    "VA": "276 434 540 571 686 703 757 804 826 948",
    "VT": "802",
    "WA": "206 253 360 425 509 564",
    "WI": "262 274 353 414 534 608 715 920",
    "WV": "304 681",
    "WY": "307",
    "AB": "368 403 587 780 825",
    "BC": "236 250 257 604 672 778",
    "MB": "204 431 584",
    "NB": "428 506",
    "NL": "709 879",
    "NS": "782 902",
    "NT": "867",
    "NU": "867",
    "ON": "226 249 289 343 365 382 416 437 519 548 613 647 683 705 742 753 807 905 942",
    "PE": "782 902",
    "QC": "263 273 354 367 418 438 450 468 514 579 581 819 873",
    "SK": "306 474 639",
    "YT": "867",
}

SUBDIVISIONS_OF_AREA_CODE: dict[str, tuple[str, ...]] = {}
for _code, _area_codes in _AREA_CODES.items():
    for _area_code in _area_codes.split():
        SUBDIVISIONS_OF_AREA_CODE[_area_code] = (*SUBDIVISIONS_OF_AREA_CODE.get(_area_code, ()), _code)

# Area codes that more than one zone shares, their overlays included. phonenumbers knows some of them by single
# exchanges only, takes one zone for every exchange it does not list, and one for the whole of an overlay.
_SHARED_AREA_CODES = {
    "208 986": ("America/Boise", _MOUNTAIN, _PACIFIC),
    "219 574 812 930": (_EASTERN, _CENTRAL),
    "236 250 257 672 778": ("America/Vancouver", "America/Edmonton", "America/Fort_Nelson"),
    "270 364 502 606 859": (_EASTERN, _CENTRAL),
    "306 474 639": ("America/Regina", "America/Edmonton", "America/Winnipeg"),
    "308 402 531": (_CENTRAL, _MOUNTAIN),
    "367 418 581": ("America/Toronto", _ATLANTIC, "America/Puerto_Rico"),
    "423 931": (_EASTERN, _CENTRAL),
    "432 915": (_CENTRAL, _MOUNTAIN),
    "448 850": (_EASTERN, _CENTRAL),
    "458 541": (_PACIFIC, _MOUNTAIN),
    "580": (_CENTRAL, _MOUNTAIN),
    "605": (_CENTRAL, _MOUNTAIN),
    "620 785": (_CENTRAL, _MOUNTAIN),
    "701": (_CENTRAL, _MOUNTAIN),
    "709 879": ("America/St_Johns", "America/Goose_Bay", _ATLANTIC),
    "775": (_PACIFIC, _MOUNTAIN, "America/Boise"),
    "807": ("America/Toronto", "America/Winnipeg", "America/Panama"),
    "867": (
        "America/Vancouver",
        "America/Whitehorse",
        "America/Edmonton",
        "America/Winnipeg",
        "America/Toronto",
        "America/Panama",
    ),
    "906": (_EASTERN, _CENTRAL),
    "907": ("America/Anchorage", "America/Juneau", "America/Adak", "Pacific/Honolulu"),
    "928": ("America/Phoenix", _MOUNTAIN),
}

ZONES_OF_SHARED_AREA_CODE = {
    area_code: frozenset(zones) for area_codes, zones in _SHARED_AREA_CODES.items() for area_code in area_codes.split()
}

# The first letter of a Canadian postal code is its province (Canada Post).
PROVINCES_OF_POSTAL_LETTER = {
    "A": ("NL",), "B": ("NS",), "C": ("PE",), "E": ("NB",), "G": ("QC",), "H": ("QC",), "J": ("QC",), "K": ("ON",),
    "L": ("ON",), "M": ("ON",), "N": ("ON",), "P": ("ON",), "R": ("MB",), "S": ("SK",), "T": ("AB",), "V": ("BC",),
    "X": ("NT", "NU"), "Y": ("YT",),
}  # fmt: skip
